"""Appends one client order with redis-py, then reads the channel's last entry back."""

import json
import os
import time
import uuid

import redis

stream = "{%s:0}:client-orders" % os.environ.get("NAMESPACE", "trading")
url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
# No retry: a command whose reply was lost would be sent again, and append the order a second time.
client = redis.Redis.from_url(url, decode_responses=True, retry=None)

order = {
    "id": "py-1",
    "userId": "ann",
    "symbol": "AAPL",
    "side": "buy",
    "price": "577.50",
    "quantity": 100,
    "orderType": "limit",
}
# The same fields in this order for every entry: Redis then stores their names once for many.
entry_id = client.xadd(
    stream,
    {
        "id": str(uuid.uuid4()),
        "time": str(time.time_ns() // 1_000_000),
        "key": order["symbol"],
        "payload": json.dumps(order, separators=(",", ":")),
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "baggage": "user.id=ann,client.order_id=py-1",
    },
)
print("appended", entry_id)

[(entry_id, fields)] = client.xrevrange(stream, count=1)
causes = [cause.split(" ")[0] for cause in fields.get("causes", "").split(",") if cause]
print("read", entry_id, fields.get("id"), json.loads(fields["payload"])["id"], causes)
