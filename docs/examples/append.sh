#!/bin/sh
# Appends one client order with redis-cli, then reads the channel's last entry back.
# REDIS_URL and NAMESPACE say where, as for every program of ours.
url=${REDIS_URL:-redis://127.0.0.1:6379}
stream="{${NAMESPACE:-trading}:0}:client-orders"

# The payload alone makes a valid entry: the event id and the time are then taken from the entry id.
redis-cli -u "$url" XADD "$stream" '*' \
  payload '{"id":"cli-1","userId":"ann","symbol":"AAPL","side":"buy","price":"577.50","quantity":100,"orderType":"limit"}'

redis-cli -u "$url" XREVRANGE "$stream" + - COUNT 1
