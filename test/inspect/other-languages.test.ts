/** Programs in Python take part: they append once, continue traces, and consume with a group of their own, which status names as foreign. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { aclRules, deriveEventId, on, openOwner } from "../../src/index.ts";
import { renderStatus } from "../../src/inspect/status/status-text.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { captureSpans } from "../../src/testing.ts";
import { clientOrders } from "../../trading/domain/index.ts";
import { open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { pythonWith } from "../support/python.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const run = promisify(execFile);

async function python(file: string, namespace: string, url: string = redisUrl()): Promise<readonly string[]> {
  const program = pythonWith("redis", "opentelemetry.sdk");
  const paths = { APPEND_ONCE: "src/redis/store/append-once.lua", SETTLE: "docs/examples/settle.lua" };
  const { stdout } = await run(program, [file], {
    env: { ...process.env, ...paths, REDIS_URL: url, NAMESPACE: namespace },
  });
  return stdout.trim().split("\n");
}

test(
  "a Python producer whose replies are lost appends each event once, and its trace and baggage arrive",
  async () => {
    pythonWith("redis", "opentelemetry.sdk");
    await using o = await open();
    await using proxy = await startProxy(redisUrl());
    await o.client.script("LOAD", scripts.appendOnce.source);
    // Each reply is lost once.
    const lost = proxy.swallowReply((command) => command[0]?.toUpperCase() === "EVALSHA", 2);
    const printed = await python("docs/examples/append_once.py", o.backbone.namespace, proxy.url);
    await lost;
    const entries = await o.entries(clientOrders);
    assert.equal(
      entries.map(({ id }) => id),
      printed,
    );
    assert.equal(
      entries.map(({ payload }) => payload.id),
      ["py-1", "py-2", "py-3"],
    );
    using spans = captureSpans();
    const baggage: unknown[] = [];
    const component = await o.run(
      o.backbone.component("reader", [on(clientOrders, (_, tools) => void baggage.push(tools.baggage["user.id"]))]),
    );
    await component.whenIdle();
    assert.equal(baggage, ["ann b+c", "ann b+c", "ann b+c"]);
    const traces = entries.map(({ fields }) => fields["traceparent"]?.slice(3, 35));
    const handled = spans.all().filter(({ attributes }) => attributes["messaging.operation.type"] === "process");
    assert.equal(
      handled.map(({ traceId }) => traceId),
      traces,
    );
  },
  { timeoutMs: 120_000 },
);

test("a number that was answered is answered again, and one that was overtaken is refused", async () => {
  await using o = await open();
  const keys = [o.keys.numbers(0, "session"), o.stream(clientOrders)] as const;
  const append = (number: number): Promise<unknown> =>
    o.client.eval(scripts.appendOnce.source, 2, ...keys, number, 60_000, "id", `e-${number}`, "payload", "{}");
  const first = await append(1);
  assert.is(await append(1), first);
  for (let number = 2; number <= 65; number++) await append(number);
  assert.is(await o.client.xlen(o.stream(clientOrders)), 65);
  const error = await append(1).catch((refused: unknown) => refused);
  assert.match(String(error), /STALE number 1 was overtaken by 65/);
  assert.ok((await o.client.pttl(keys[0])) > 0);
});

test("a user who may only publish may append once, and only to its channels", async () => {
  await using o = await open();
  const { namespace } = o.backbone;
  await using owner = openOwner({ url: redisUrl(), namespace });
  await owner.prepare({ channels: ["client-orders"] });
  const user = `py-${namespace.replace(/[^a-z0-9]/g, "")}`;
  const rules = aclRules(["producer"], { namespace, channels: ["client-orders"] });
  await o.client.call("ACL", "SETUSER", user, ...rules, "on", ">pw");
  const url = new URL(redisUrl());
  [url.username, url.password] = [user, "pw"];
  const client = new Redis(url.href, { protocol: 2 });
  try {
    const append = (stream: string): Promise<unknown> =>
      client.evalsha(scripts.appendOnce.sha, 2, o.keys.numbers(0, "p-session"), stream, 1, 60_000, "payload", "{}");
    assert.match(
      String(await append(o.keys.stream(0, "fills")).catch((error: unknown) => error)),
      /NOPERM|No permission|can't access/i,
    );
    assert.match(String(await append(o.stream(clientOrders))), /^\d+-0$/);
  } finally {
    client.disconnect();
    await o.client.call("ACL", "DELUSER", user);
  }
});

test(
  "a Python consumer settles each event once, buries what it cannot read, and status names its group",
  async () => {
    pythonWith("redis", "opentelemetry.sdk");
    await using o = await open();
    const { namespace } = o.backbone;
    await python("docs/examples/append_once.py", namespace);
    const published = await o.entries(clientOrders);
    const [first] = published;
    const spoiled = await o.write(clientOrders, "id", "spoiled", "payload", "no JSON");
    // Somebody who died had taken the first one, and did not settle it.
    const stream = o.stream(clientOrders);
    await o.client.xgroup("CREATE", stream, "py-receipts", "0");
    await o.client.xreadgroup("GROUP", "py-receipts", "dead", "COUNT", 1, "STREAMS", stream, ">");
    await o.client.xclaim(stream, "py-receipts", "dead", 0, first?.id ?? "", "IDLE", 60_000);
    const printed = await python("docs/examples/consume.py", namespace);
    assert.is(printed.filter((line) => line.startsWith("handled")).length, 3, printed.join("\n"));
    assert.ok(printed.includes(`buried ${spoiled} JSONDecodeError`), printed.join("\n"));
    assert.is((await o.client.xpending(stream, "py-receipts"))[0], 0);
    const receipts = await o.client.xrange(`{${namespace}:0}:receipts`, "-", "+");
    const ids = receipts.map(([, fields]) => fields[1]);
    const orders = published.map(({ fields }) => fields["id"] ?? "");
    assert.equal(ids.sort(), orders.map((id) => deriveEventId(id, "py-receipts", 0)).sort());
    assert.match(receipts[0]?.[1].join(" ") ?? "", /"user": "ann b\+c"/);
    // Again: there is nothing to do.
    assert.equal(await python("docs/examples/consume.py", namespace), [""]);
    await using observer = openObserver({ url: redisUrl(), namespace });
    await o.backbone.publish(clientOrders, first?.payload as never); // which makes the channel known
    const letters = await eventually(async () => {
      const found: unknown[] = [];
      for await (const { component, channel, code } of o.backbone.deadLetters().list())
        found.push([component, channel, code]);
      return found.length === 0 ? undefined : found;
    });
    assert.equal(letters, [["py-receipts", "client-orders", "JSONDecodeError"]]);
    const status = await observer.status();
    assert.is(status.components.find(({ component }) => component === "py-receipts")?.state, "foreign");
    assert.match(
      renderStatus(status),
      /py-receipts is a FOREIGN group, of another program \(active .* ago\)\. It holds back client-orders from \S+ on \(1 unread, 0 open\)\./,
    );
    await using owner = openOwner({ url: redisUrl(), namespace });
    await owner.retire("py-receipts");
    assert.equal((await observer.status()).components, []);
  },
  { timeoutMs: 120_000 },
);
