/** Damage that a producer can do to its own channel, because no Redis rule forbids it: it is logged, shown by status, and mended by one command. */

import * as assert from "uvu/assert";
import { openOwner } from "../../../src/composition/owner.ts";
import { type Backbone, type BackboneStatus, type Component, on, PublishError } from "../../../src/index.ts";
import { renderStatus } from "../../../src/inspect/status/status-text.ts";
import { Connection } from "../../../src/redis/client/connection.ts";
import { RedisInspector } from "../../../src/redis/inspect/inspector.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { repairChannel } from "../../../src/redis/store/channel-repair.ts";
import { things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { startProcess } from "../../support/process.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { namespace, password, type Server, start } from "./server.ts";

const src = things("src");
const stream = `{${namespace}:0}:src`;
const greatest = "18446744073709551615-18446744073709551615";

interface Running {
  readonly component: Component;
  readonly worker: Backbone;
  readonly publisher: Backbone;
  readonly url: string;
  /** In the order in which they were handled. */
  readonly handled: number[];
  /** Settled by their handlers as long as it is open. */
  gate: Promise<void>;
}

/** A component that consumes what a producer of the channel publishes, each under its own user. */
async function run(server: Server): Promise<Running> {
  const url = await server.publisher("src");
  const worker = await server.connect(await server.user("worker", ["component"], { channels: ["src"] }), {
    maintenanceEveryMs: 100,
  });
  const running: Running = {
    handled: [],
    gate: Promise.resolve(),
    url,
    worker,
    publisher: await server.connect(url, { publishTimeoutMs: 5_000 }),
    component: await server.run(
      worker.component(
        "c",
        [
          on(src, async ({ payload }) => {
            await running.gate;
            running.handled.push(payload.n);
          }),
        ],
        { takeoverAfterMs: 500 },
      ),
    ),
  };
  return running;
}

function damageIn(status: BackboneStatus): unknown {
  return status.channels.find(({ channel }) => channel === "src")?.damage;
}

const whole = { isBlocked: false, aheadMs: 0, removedByOthers: 0 };

test("a channel that its producer has emptied by MAXLEN is told of until it is repaired", async () => {
  await using server = await start();
  const { publisher, component, worker, url } = await run(server);
  for (let n = 0; n < 20; n++) await publisher.publish(src, { n });
  await component.whenIdle();
  assert.equal(damageIn(await worker.status()), whole);
  assert.ok(await server.client(url).xadd(stream, "MAXLEN", "=", "1", "*", "payload", '{"n":20}'));
  const alarm = await eventually(() => server.lines.find(({ text }) => text.includes("as whoever may publish")));
  assert.equal([alarm.level, alarm.fields["channel"], alarm.fields["removed"]], ["error", "src", 20]);
  const status = await worker.status();
  assert.equal(damageIn(status), { ...whole, removedByOthers: 20 });
  assert.match(renderStatus(status), /20 entries of src were REMOVED, and not by retention\. "throughline repair src"/);

  await using owner = openOwner({ url: await server.user("owner", ["owner"]), namespace });
  const [repaired] = await owner.repair("src");
  assert.equal([repaired?.renumbered, repaired?.accepted], [0, 20]);
  assert.equal(damageIn(await worker.status()), whole);
  assert.is((await owner.repair("src"))[0]?.accepted, 0);
  await publisher.publish(src, { n: 21 });
  await component.whenIdle();
});

test(
  "a channel that its producer has blocked by the greatest id is told of, and goes on after one command",
  async () => {
    await using server = await start();
    const { publisher, component, worker, url, handled } = await run(server);
    for (let n = 0; n < 5; n++) await publisher.publish(src, { n });
    await component.whenIdle();
    assert.is(await server.client(url).xadd(stream, greatest, "payload", '{"n":5}'), greatest);
    await eventually(() => handled.includes(5));
    const error = await rejects(publisher.publish(src, { n: 6 }), PublishError, /exhausted.*throughline repair/);
    assert.is(error.outcome, "rejected");
    const alarm = await eventually(() => server.lines.find(({ text }) => text.includes("takes no more entries")));
    assert.equal([alarm.level, alarm.fields["channel"]], ["error", "src"]);
    const status = await worker.status();
    assert.is((damageIn(status) as { isBlocked: boolean }).isBlocked, true);
    assert.match(renderStatus(status), /src is BLOCKED: .*"throughline repair src"/);

    const ownerUrl = (await server.user("owner", ["owner"])).replace(password, encodeURIComponent(password));
    await using cli = startProcess("src/cli/throughline.ts", ["repair", "src", "--json", "--url", ownerUrl], {
      env: { NAMESPACE: namespace },
    });
    const { code } = await cli.ended;
    const { renumbered, accepted } = JSON.parse(cli.stdout()) as { renumbered: number; accepted: number };
    assert.equal([code, renumbered, accepted], [0, 1, 0]);
    for (let n = 6; n < 9; n++) await publisher.publish(src, { n });
    await component.whenIdle();
    assert.equal(handled, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(damageIn(await worker.status()), whole);
    assert.equal(
      (await server.denied()).filter((line) => line.startsWith("owner")),
      [],
    );
  },
  { timeoutMs: 120_000 },
);

test(
  "entries ahead of the clock get ids of now, each once: those in hand, the parked, the unread, and those of a group that stands still",
  async () => {
    await using server = await start();
    const running = await run(server);
    const { publisher, component, worker, url, handled } = running;
    await server.admin.xgroup("CREATE", stream, "still", "$", "MKSTREAM").catch(() => undefined);
    for (let n = 0; n < 3; n++) await publisher.publish(src, { n });
    await component.whenIdle();
    const opened = Promise.withResolvers<void>();
    running.gate = opened.promise;
    const year = `${Date.now() + 365 * 86_400_000}`;
    await server.client(url).xadd(stream, `${year}-7`, "payload", '{"n":3}');
    for (let n = 4; n < 8; n++) await publisher.publish(src, { n });
    await eventually(async () => Number((await server.admin.xpending(stream, "c"))[0]) === 5);
    await eventually(() => server.lines.some(({ text }) => text.includes("is far ahead of the clock")));
    await using owner = openOwner({ url: await server.user("owner", ["owner"]), namespace });
    assert.is((await owner.repair("src"))[0]?.renumbered, 5);
    const ids = (await server.admin.xrange(stream, "-", "+")).map(([id]) => id);
    assert.is(ids.length, 8);
    assert.ok(ids.every((id) => Number.parseInt(id, 10) < Date.now() + 1_000));
    opened.resolve();
    await publisher.publish(src, { n: 8 });
    await eventually(async () => Number((await server.admin.xpending(stream, "c"))[0]) === 0);
    await component.whenIdle();
    // Deliveries in flight ran, were not settled, and run again, as after any takeover.
    assert.equal(
      [...new Set(handled)].toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    );
    const left = (await server.admin.xreadgroup("GROUP", "still", "m", "STREAMS", stream, ">")) as [
      string,
      [string, string[]][],
    ][];
    assert.equal(
      left[0]?.[1].slice(-6).map(([id]) => id),
      (await server.admin.xrange(stream, "-", "+")).slice(-6).map(([id]) => id),
    );
    assert.equal(damageIn(await worker.status()), whole);
  },
  { timeoutMs: 120_000 },
);

test("a channel is built anew where a server does not let ids go back, with its groups where they stood", async () => {
  await using server = await start();
  const keys = new Keys(namespace);
  const { admin } = server;
  for (let n = 0; n < 6; n++) await admin.xadd(stream, "*", "payload", `{"n":${n}}`);
  await admin.xgroup("CREATE", stream, "g", "0");
  await admin.xadd(stream, greatest, "payload", '{"n":6}');
  await admin.xreadgroup("GROUP", "g", "m", "COUNT", 4, "STREAMS", stream, ">");
  const before = await admin.xrange(stream, "-", "+");
  await admin.xack(stream, "g", before[0]?.[0] ?? "");
  const url = await server.user("owner", ["owner"]);
  const connection = new Connection({ url, log: server.log, silenceMs: 5_000, purpose: "test" });
  await using inspector = new RedisInspector({ url, namespace, log: server.log });
  try {
    const [repaired] = await repairChannel({ connection, inspector, keys }, "src", 1, AbortSignal.timeout(5_000), true);
    assert.equal([repaired?.renumbered, repaired?.accepted], [1, 0]);
  } finally {
    connection.close();
  }
  const after = await admin.xrange(stream, "-", "+");
  assert.equal(after.slice(0, 6), before.slice(0, 6));
  assert.equal(after[6]?.[1], ["payload", '{"n":6}']);
  assert.equal((await admin.xpending(stream, "g"))[0], 3);
  const [, rows] =
    ((await admin.xreadgroup("GROUP", "g", "m", "STREAMS", stream, ">")) as [string, unknown[]][])[0] ?? [];
  assert.is(rows?.length, 3);
  assert.ok(await admin.xadd(stream, "*", "payload", "{}"));
});

test("repairing a channel that is in order changes nothing, and one that is not there is refused", async () => {
  await using server = await start();
  const { publisher, component } = await run(server);
  for (let n = 0; n < 3; n++) await publisher.publish(src, { n });
  await component.whenIdle();
  const look = async (): Promise<unknown> => [
    await server.admin.xrange(stream, "-", "+"),
    await server.admin.call("XINFO", "STREAM", stream),
    await server.admin.hgetall(`{${namespace}:0}:trimmed`),
  ];
  const before = await look();
  await using owner = openOwner({ url: await server.user("owner", ["owner"]), namespace });
  assert.is((await owner.repair("src"))[0]?.renumbered, 0);
  assert.equal(await look(), before);
  await rejects(owner.repair("nothing"), Error, /has no stream/);
});
