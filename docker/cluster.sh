#!/bin/sh
# Makes the named nodes one cluster, each second half of them replicas of the first, or introduces them to each other again: after a restart their
# containers may have other addresses. Ends when every node says that the cluster is whole.
set -eu
REDISCLI_AUTH=$(cat /setup/redis/uniting-password)
export REDISCLI_AUTH
cli() { redis-cli --user uniting --no-auth-warning "$@"; }

addresses=
known=1
for name in "$@"; do
  # The address alone: nodes know each other by nothing else.
  read -r address _ <<END
$(getent ahostsv4 "$name")
END
  addresses="$addresses $address:6379"
  cli -h "$address" cluster info | grep -q '^cluster_known_nodes:1.$' || known=$#
done

if [ "$known" -eq 1 ]; then
  # shellcheck disable=SC2086 # a word for each node
  cli --cluster create $addresses --cluster-replicas 1 --cluster-yes >/dev/null
else
  for one in $addresses; do
    for other in $addresses; do
      [ "$one" = "$other" ] || cli -h "${one%:*}" cluster meet "${other%:*}" 6379 >/dev/null
    done
  done
fi

for one in $addresses; do
  for _ in $(seq 120); do
    state=$(cli -h "${one%:*}" cluster info)
    case $state in *cluster_state:ok*cluster_known_nodes:$#*) continue 2 ;; esac
    sleep 0.5
  done
  echo "$one is not of one mind with the others:" "$state" >&2
  exit 1
done
echo "The cluster of $# nodes is whole."
