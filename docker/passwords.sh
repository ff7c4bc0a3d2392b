#!/bin/sh
# Prints a random password for every user of the Compose stack: `sh docker/passwords.sh >.env`, once.
set -eu
for user in ORDER_MANAGER ALGORITHM ORDER_SENDER OPERATOR CONSOLE ELASTIC KIBANA ELASTIC_COLLECTOR; do
  printf '%s_PASSWORD=%s\n' "$user" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done
# What a browser must bring to the console.
printf 'CONSOLE_TOKEN=%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
