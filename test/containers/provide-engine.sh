#!/bin/sh
# Makes a Docker engine with Compose available on a Debian machine: `provide-engine.sh PIDFILE`. Where one answers, nothing is done.
# A daemon that is started here writes its process id to the file; whoever calls this ends it by that id.
set -eu
pidfile=$1
export DEBIAN_FRONTEND=noninteractive

if ! docker version >/dev/null 2>&1; then
  [ "$(id -u)" -eq 0 ] || { echo "no Docker engine answers, and only root can start one" >&2; exit 1; }
  if ! command -v dockerd >/dev/null; then
    apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables; } >/dev/null ||
      { echo "docker.io could not be installed" >&2; exit 1; }
  fi
  # On its socket alone, and what containers publish on loopback. Where one storage driver cannot work, the slowest always does.
  for driver in overlay2 vfs; do
    rm -f "$pidfile"
    setsid dockerd --ip 127.0.0.1 --storage-driver "$driver" --pidfile "$pidfile" >"$pidfile.log" 2>&1 </dev/null &
    for _ in $(seq 60); do
      docker version >/dev/null 2>&1 && break 2
      kill -0 $! 2>/dev/null || break
      sleep 0.5
    done
    kill $! 2>/dev/null || true
  done
  docker version >/dev/null 2>&1 || { echo "dockerd did not start:" >&2; tail -n 5 "$pidfile.log" >&2; exit 1; }
fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null 2>&1 ||
    echo "debootstrap could not be installed: the images must come from a registry" >&2
fi

# Compose's present version is a plugin that only Debian's newer releases have; it runs on the older ones.
docker compose version >/dev/null 2>&1 && exit 0
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror trixie main" >"$apt/sources.list"
set -- -qq -o Dir::State="$apt/state" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" \
  -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
if apt-get "$@" update >/dev/null && (cd "$apt" && apt-get "$@" download docker-compose >/dev/null); then
  dpkg-deb -x "$apt"/docker-compose_*.deb "$apt/tree"
  install -D "$apt/tree/usr/libexec/docker/cli-plugins/docker-compose" /usr/local/lib/docker/cli-plugins/docker-compose
fi
docker compose version >/dev/null 2>&1 || { echo "docker has no compose plugin" >&2; exit 1; }
