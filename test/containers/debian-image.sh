#!/bin/sh
# Makes a Docker image of Debian's packages, for machines that reach Debian's mirror and no image registry:
# `debian-image.sh TAG SUITE PACKAGE…`. Needs root and debootstrap; the mirror is the one that this machine's apt uses.
set -eu
tag=$1 suite=$2
shift 2
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)
[ -n "$mirror" ] || { echo "apt on this machine knows no mirror of Debian" >&2; exit 1; }

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
packages=$(echo "$*" | tr ' ' ,)
# What debootstrap says matters when it fails, and then its last lines do.
debootstrap --variant=minbase --include="$packages" "$suite" "$tree" "$mirror" >"$tree.log" 2>&1 ||
  { tail -n 5 "$tree.log" "$tree/debootstrap/debootstrap.log" >&2; rm -f "$tree.log"; exit 1; }
rm -rf "$tree.log" "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/doc "$tree"/usr/share/man "$tree"/usr/share/locale
# The tree is its maker's alone; with some storage drivers an image has its mode, and users of their own could not enter.
chmod 755 "$tree"
mkdir -p "$tree/data"
# A root file system alone: what the packages' services would start on a machine does not matter here.
tar -C "$tree" -c . | docker import --change 'WORKDIR /data' - "$tag" >/dev/null
