"""Consumes client orders with a group of its own in redis-py, publishes a receipt for each once, and ends when nothing is left."""

import hashlib
import json
import os
import pathlib
import socket
import time
from urllib.parse import unquote

import redis
from opentelemetry import baggage as baggage_api
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("consume")
partition = "{%s:0}" % os.environ.get("NAMESPACE", "trading")
orders, receipts = "%s:client-orders" % partition, "%s:receipts" % partition
group = "py-receipts"  # no name of one of the namespace's components
consumer = "%s.%d" % (socket.gethostname(), os.getpid())
max_deliveries, idle_ms = 5, 30_000

url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
client = redis.Redis.from_url(url, decode_responses=True, protocol=2)
settle = client.register_script(pathlib.Path(os.environ["SETTLE"]).read_text())  # settle.lua, as it stands below


def derived_id(source_id, index):
    """What an output's id derives from, as our own components do it: the same at each delivery."""
    digits = hashlib.sha1(("%s\n%s\n%s" % (source_id, group, index)).encode()).hexdigest()
    return "%s-%s-8%s-a%s-%s" % (digits[:8], digits[8:12], digits[13:16], digits[17:20], digits[20:32])


def context_of(fields):
    """The trace and the baggage that came with an entry. "+" is a plus sign, which Python's own propagator would make a space."""
    carrier = {name: fields[name] for name in ("traceparent", "tracestate") if fields.get(name)}
    context = propagate.extract(carrier)
    for member in filter(None, fields.get("baggage", "").split(",")):
        name, _, value = member.split(";")[0].partition("=")
        context = baggage_api.set_baggage(name.strip(), unquote(value.strip()), context)
    return context


def handle(entry_id, fields):
    source_id = fields.get("id") or "client-orders/%s" % entry_id
    context = context_of(fields)
    with tracer.start_as_current_span("process client-orders", context=context, kind=trace.SpanKind.CONSUMER):
        carrier = {}
        propagate.inject(carrier)
        order = json.loads(fields["payload"])
        receipt = {
            "id": derived_id(source_id, 0),
            "time": str(time.time_ns() // 1_000_000),
            "key": fields.get("key", ""),
            "payload": json.dumps({"order": order["id"], "user": baggage_api.get_baggage("user.id", context)}),
            "traceparent": carrier.get("traceparent", ""),
            "baggage": fields.get("baggage", ""),
            "causes": source_id.replace("%", "%25").replace(",", "%2c").replace(" ", "%20"),
        }
    return finish(entry_id, receipts, receipt)


def bury(entry_id, fields, error, deliveries):
    """Where `throughline dead` finds it. The entry is acknowledged in the same step."""
    letter = {**fields, "dead-channel": "client-orders", "dead-entry": entry_id, "dead-component": group}
    letter |= {"dead-code": type(error).__name__, "dead-error": str(error)[:2_000], "dead-attempts": str(deliveries)}
    return finish(entry_id, "%s:dead:%s" % (orders, group), letter | {"dead-at": str(time.time_ns() // 1_000_000)})


def finish(entry_id, stream, fields):
    pairs = [text for pair in fields.items() for text in pair]
    return settle(keys=[orders, stream], args=[group, consumer, entry_id, len(pairs), *pairs])


try:
    client.xgroup_create(orders, group, id="0", mkstream=True)  # "0": from the oldest entry; never "$", which loses what is on its way
except redis.ResponseError as error:
    if "BUSYGROUP" not in str(error):
        raise

after = "0"  # first what this consumer was given and has not settled, as a reply may have been lost; again after each reconnect
while True:
    _, taken, *_ = client.xautoclaim(orders, group, consumer, idle_ms, "0-0", count=100)  # of consumers that are gone
    found = client.xreadgroup(group, consumer, {orders: after}, count=100, block=500)
    entries = found[0][1] if found else []
    for entry_id, fields in [*taken, *entries]:
        [pending] = client.xpending_range(orders, group, entry_id, entry_id, 1) or [None]
        if pending is None:
            continue
        try:
            if pending["times_delivered"] > max_deliveries:
                raise RuntimeError("it was delivered %d times" % pending["times_delivered"])
            print("handled" if handle(entry_id, fields) else "taken over", entry_id)
        except (KeyError, ValueError, RuntimeError) as error:
            bury(entry_id, fields, error, pending["times_delivered"])
            print("buried", entry_id, type(error).__name__)
    if not entries and after == ">":
        break
    if not entries:
        after = ">"
