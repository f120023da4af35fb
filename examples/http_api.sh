#!/bin/sh
# Send and read messages over the HTTP API with curl. Start the server before:
#
#     install -m 600 /dev/null key
#     machat-apikey --file keys --label backup --rights publish,read > key
#     twistd -n machat --api tcp:8000:interface=127.0.0.1 --api-keys keys
set -e
MACHAT=${MACHAT:-http://127.0.0.1:8000}
KEY=${KEY:-$(cat key)}

curl -sS --fail-with-body -H "X-API-Key: $KEY" \
  -d '{"room": "ops", "text": "backup done", "id": "backup 1"}' $MACHAT/api/publish
echo
curl -sS --fail-with-body -H "Authorization: Bearer $KEY" -d '{"room": "ops", "limit": 10}' $MACHAT/api/history
echo
curl -sS --fail-with-body -H "X-API-Key: $KEY" -d '{"room": "ops"}' $MACHAT/api/presence
echo
