#!/bin/bash
# Sets Elasticsearch up once it is healthy: Kibana's password, the Collector's user, and the Collector's second backend.
set -euo pipefail
: "${ELASTIC_PASSWORD:?set it: sh docker/passwords.sh >.env}" "${KIBANA_PASSWORD:?}" "${ELASTIC_COLLECTOR_PASSWORD:?}"

put() {
  curl --silent --show-error --fail-with-body --output /dev/null --user "elastic:$ELASTIC_PASSWORD" \
    --request "$1" --header 'Content-Type: application/json' --data "$3" "http://elasticsearch:9200$2"
}

put POST /_security/user/kibana_system/_password "{\"password\":\"$KIBANA_PASSWORD\"}"
put PUT /_security/role/throughline-collector '{
  "cluster": ["monitor"],
  "indices": [{ "names": ["traces-*", "metrics-*", "logs-*"], "privileges": ["auto_configure", "create_doc"] }]
}'
put PUT /_security/user/throughline-collector \
  "{\"password\":\"$ELASTIC_COLLECTOR_PASSWORD\",\"roles\":[\"throughline-collector\"]}"
cp /collector/jaeger-and-elastic.yaml /setup/collector/backends.yaml
echo "Elasticsearch has its users, and the Collector its second backend."
