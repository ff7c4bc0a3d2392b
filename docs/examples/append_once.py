"""Appends client orders with redis-py, each once although replies may be lost, with the trace of Python's OpenTelemetry."""

import itertools
import json
import os
import pathlib
import time
import uuid
from urllib.parse import quote

import redis
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("append_once")
partition = "{%s:0}" % os.environ.get("NAMESPACE", "trading")
# No retry of its own: it would not know the number. The loop below sends again.
client = redis.Redis.from_url(
    os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True, retry=None, socket_timeout=5
)
script = pathlib.Path(os.environ["APPEND_ONCE"]).read_text()  # append-once.lua, as it stands below
append_once = client.register_script(script)

session = "py-%s" % uuid.uuid4()  # a new one for each process: two that count in one session would lose entries
numbers = itertools.count(1)
day_ms = 86_400_000


def append(channel, payload, key="", baggage=None):
    """Gives the entry id. Raises when Redis is away for long; then the entry is there, or it is not."""
    with tracer.start_as_current_span("send %s" % channel, kind=trace.SpanKind.PRODUCER):
        carrier = {}
        propagate.inject(carrier)
    fields = {
        "id": str(uuid.uuid4()),
        "time": str(time.time_ns() // 1_000_000),
        "key": key,
        "payload": json.dumps(payload, separators=(",", ":")),
        "traceparent": carrier.get("traceparent", ""),
        # quote, not quote_plus, which Python's own propagator uses: in W3C baggage "+" is a plus sign, and a space is "%20".
        "baggage": ",".join("%s=%s" % (name, quote(value, safe="")) for name, value in (baggage or {}).items()),
    }
    keys = ["%s:numbers:%s" % (partition, session), "%s:%s" % (partition, channel)]
    args = [next(numbers), day_ms, *itertools.chain.from_iterable(fields.items())]
    for attempt in range(5):
        try:
            return append_once(keys=keys, args=args)  # the same number each time
        except (redis.ConnectionError, redis.TimeoutError):
            if attempt == 4:
                raise
            time.sleep(0.1 * 2**attempt)


for n in range(1, 4):
    order = {"id": "py-%d" % n, "userId": "ann", "symbol": "AAPL", "side": "buy", "price": "577.50", "quantity": 100}
    baggage = {"user.id": "ann b+c", "client.order_id": order["id"]}
    print(append("client-orders", {**order, "orderType": "limit"}, key=order["symbol"], baggage=baggage))
