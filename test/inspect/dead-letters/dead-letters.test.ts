/** Dead letters from outside: found by filters, redriven once and to their component alone, purged. */

import * as assert from "uvu/assert";
import {
  type Channel,
  ConfigError,
  type DeadLetter,
  type DeadLetters,
  on,
  PermanentError,
  type RedriveReport,
  withBaggage,
} from "../../../src/index.ts";
import { StoredDeadLetters } from "../../../src/inspect/dead-letters/dead-letters.ts";
import { startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import type { DeadLetterStore } from "../../../src/ports/dead-letters.ts";
import { RedisInspector } from "../../../src/redis/inspect/inspector.ts";
import { scripts } from "../../../src/redis/store/scripts.ts";
import { memoryLog, type Opened, open, soon, type Thing, things } from "../../support/backbone.ts";
import { named, startProxy } from "../../support/proxy.ts";
import { redisUrl } from "../../support/redis.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { HandWritten } from "../hand-written.ts";

const channel: Channel<Thing> = things("things");
const none: RedriveReport = { redriven: 0, gone: 0, trimmed: 0, open: 0, undelivered: 0, unreadable: 0 };

/** Publishes things 0 to `count` and lets a component "c" give up each; it is drained then. */
async function bury(o: Opened, count: number): Promise<DeadLetters> {
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, () => {
        throw new PermanentError("no");
      }),
    ]),
  );
  await Promise.all(Array.from({ length: count }, (_, n) => o.backbone.publish(channel, { n })));
  await component.whenIdle();
  await component.drain();
  return o.backbone.deadLetters({ channel, component: "c" });
}

async function all(letters: AsyncIterable<DeadLetter>): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  for await (const letter of letters) found.push(letter);
  return found;
}

function payloads(letters: readonly DeadLetter[]): readonly number[] {
  return letters.map(({ entry }) => (JSON.parse(entry.envelope?.payload ?? "null") as Thing).n);
}

test("a redriven event is handled again as attempt 1, by its component alone, and its letter is gone", async () => {
  await using o = await open();
  let isMended = false;
  const handled: { n: number; attempt: number }[] = [];
  const others: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, { retry: { ...soon, maxAttempts: 2 } }, ({ payload: { n } }, { attempt }) => {
        if (!isMended) throw new Error("not yet");
        handled.push({ n, attempt });
      }),
    ]),
  );
  const other = await o.run(o.backbone.component("other", [on(channel, ({ payload: { n } }) => void others.push(n))]));
  const refs = [await o.backbone.publish(channel, { n: 1 }), await o.backbone.publish(channel, { n: 2 })];
  await component.whenIdle();
  await other.whenIdle();
  assert.equal(await Promise.all(refs.map((ref) => component.whenSettled(ref))), ["deadLettered", "deadLettered"]);

  isMended = true;
  const letters = o.backbone.deadLetters({ channel, component: "c" });
  assert.equal(await letters.redrive(), { ...none, redriven: 2 });
  assert.equal(await Promise.all(refs.map((ref) => component.whenSettled(ref))), ["acked", "acked"]);
  await component.whenIdle();
  assert.equal(handled, [
    { n: 1, attempt: 1 },
    { n: 2, attempt: 1 },
  ]);
  assert.equal(await all(letters.list()), []);
  assert.equal(await letters.redrive(), none);
  await other.whenIdle();
  assert.equal(others, [1, 2]);
  assert.is(await o.client.hlen(o.keys.attempts(0, "things", "c")), 0);
});

test("an event is redriven once by operators who do it at once", async () => {
  await using o = await open();
  const letters = await bury(o, 250);
  await using second = await open({ namespace: o.backbone.namespace });
  const others = second.backbone.deadLetters({ channel, component: "c" });
  const reports = await Promise.all([letters.redrive(), others.redrive()]);
  assert.is(reports[0].redriven + reports[1].redriven, 250);
  assert.equal(await all(letters.list()), []);
  const handled: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, ({ payload: { n } }) => void handled.push(n))]));
  await component.whenIdle();
  assert.is(handled.length, 250);
});

test("a redrive whose reply was lost, or that never arrived, reports what it redrove", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const letters = await bury(o, 250);
  const lost = proxy.swallowReply(named("evalsha", scripts.redrive.sha), 2);
  assert.equal(await letters.redrive({ limit: 200 }), { ...none, redriven: 200 });
  await lost;
  const cut = proxy.cutBefore(named("evalsha", scripts.redrive.sha));
  assert.equal(await letters.redrive(), { ...none, redriven: 50 });
  await cut;
  const handled: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, ({ payload: { n } }) => void handled.push(n))]));
  await component.whenIdle();
  assert.is(handled.length, 250);
});

test("a purge whose reply was lost reports what it purged", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const letters = await bury(o, 3);
  await o.client.script("LOAD", scripts.purge.source);
  const lost = proxy.swallowReply(named("evalsha", scripts.purge.sha));
  assert.equal(await letters.purge({ limit: 2 }), { purged: 2, gone: 0 });
  await lost;
  assert.equal(payloads(await all(letters.list())), [2]);
});

test("leaves letters unchanged that cannot be handed back, and foretells that", async () => {
  await using o = await open();
  const letters = await bury(o, 4);
  const [trimmed, taken, kept] = await all(letters.list());
  await o.client.xdel(o.stream(channel), trimmed?.entryId ?? "");
  await o.client.zadd(o.keys.parked(0, "things", "c"), Date.now() + 60_000, taken?.entryId ?? "");
  await o.client.xadd(o.keys.dead(0, "things", "c"), "*", "payload", "{}", "dead-entry", "rubbish");
  await o.client.xadd(o.keys.dead(0, "things", "c"), "*", "payload", "{}", "dead-entry", "99999999999999-0");
  const outcomes: [string, string][] = [];
  const expected: RedriveReport = { ...none, redriven: 2, trimmed: 1, open: 1, unreadable: 1, undelivered: 1 };
  assert.equal(await letters.rehearse({}, ({ id }, outcome) => outcomes.push([id, outcome])), expected);
  assert.is((await all(letters.list())).length, 6);
  const done: [string, string][] = [];
  assert.equal(await letters.redrive({}, ({ id }, outcome) => done.push([id, outcome])), expected);
  assert.equal(done, outcomes);
  assert.equal(
    done.slice(0, 3).map(([, outcome]) => outcome),
    ["trimmed", "open", "redriven"],
  );
  assert.is((await all(letters.list())).length, 4);
  // Only redriven entries have an attempt record, which makes their next attempt the first.
  const records = await o.client.hgetall(o.keys.attempts(0, "things", "c"));
  assert.is(Object.keys(records).length, 2);
  assert.match(records[kept?.entryId ?? ""] ?? "", /^0:0:\d+$/);

  // The row says where the component stands, also while its group is gone.
  await o.client.xgroup("DESTROY", o.stream(channel), "c");
  assert.equal(await letters.redrive(), { ...none, trimmed: 1, open: 1, undelivered: 1, unreadable: 1 });
  await o.client.del(o.keys.owner(0, "c"));
  assert.equal(await letters.redrive(), { ...none, undelivered: 3, unreadable: 1 });
});

test("an event that fails again during a redrive is not redriven again by the same call", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  const dead = `${log.stream("orders")}:dead:algorithm`;
  const die = (): Promise<string> => log.appendRaw(dead, { payload: "{}", "dead-entry": "1-1" });
  for (let n = 0; n < 1_000; n++) await die();
  await using inspector = new RedisInspector({ ...log, log: memoryLog([]) });
  let redriven = 0;
  const store: DeadLetterStore = {
    redrive: async (_stream, ids) => {
      for (const _ of ids) await die(); // at once
      redriven += ids.length;
      return ids.map(() => "redriven");
    },
    purge: async () => [],
  };
  const letters = new StoredDeadLetters(inspector, store, {});
  assert.equal(await letters.redrive(), { ...none, redriven: 1_000 });
  assert.is(redriven, 1_000);
});

test("a member that dies before it has handled a redriven event leaves it to the next", async () => {
  await using o = await open();
  const letters = await bury(o, 1);
  await letters.redrive();
  // The state in which claim.lua leaves an entry whose member dies before the reply arrives: pending under an unregistered name.
  const [letter] = await o.client.xpending(o.stream(channel), "c", "-", "+", 1);
  const [id] = letter as [string];
  await o.client.xclaim(o.stream(channel), "c", "dead-member", 0, id);
  const handled: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [on(channel, ({ payload: { n } }) => void handled.push(n))], { takeoverAfterMs: 500 }),
  );
  await component.whenIdle();
  assert.equal(handled, [0]);
});

test("letters are found by code, attribute, payload, ids, time, and up to a number", async () => {
  await using o = await open({ baggage: { allow: ["user.id"] } });
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(channel, { retry: { maxAttempts: 1 } }, ({ payload: { n } }) => {
          throw n % 2 === 0 ? new PermanentError("even") : Object.assign(new Error("odd"), { code: "EODD" });
        }),
      ],
      { concurrency: 1 },
    ),
  );
  for (let n = 0; n < 6; n++) {
    await withBaggage({ "user.id": `u-${n % 3}` }, () => o.backbone.publish(channel, { n }));
  }
  await component.whenIdle();
  const letters = o.backbone.deadLetters({ component: "c" });
  const find = async (filter: Parameters<DeadLetters["list"]>[0]): Promise<readonly number[]> =>
    payloads(await all(letters.list(filter))).toSorted();
  assert.equal(await find({ code: "THROUGHLINE_PERMANENT" }), [0, 2, 4]);
  assert.equal(await find({ code: "EODD" }), [1, 3, 5]);
  assert.equal(await find({ where: "user.id=u-1" }), [1, 4]);
  assert.equal(await find({ where: "payload.n=3" }), [3]);
  assert.equal(await find({ where: "user.id=u-1", code: "EODD" }), [1]);
  const [first, second, third] = await all(letters.list());
  const eventId = third?.entry.envelope?.id ?? "";
  assert.is((await find({ ids: [first?.id ?? "", `things/${second?.entryId}`, eventId, "no such"] })).length, 3);
  assert.equal(
    (await all(letters.list({ limit: 2 }))).map(({ id }) => id),
    [first?.id, second?.id],
  );
  assert.equal((await all(letters.list({ from: second?.id ?? "", to: third?.id ?? "" }))).length, 2);
  assert.equal(await find({ to: String((first?.diedAt ?? 0) - 1) }), []);
  assert.equal(await all(o.backbone.deadLetters({ channel, component: "nobody" }).list()), []);
  assert.equal(await all(o.backbone.deadLetters({ channel: "nothing" }).list()), []);
  await rejects(all(letters.list({ where: "user.id" })), ConfigError, /name=value/);
  await rejects(all(letters.list({ from: "yesterday" })), ConfigError, /from is "yesterday"/);
  await rejects(all(letters.list({ cod: "E" } as object)), ConfigError, /no option "cod"/);
  await rejects(letters.purge({ colour: "red" } as object), ConfigError);
});

test("an event with fields that look like an obituary is read as it was written, and redriven", async () => {
  await using o = await open();
  await o.write(channel, "payload", "broken", "dead-entry", "1-1", "dead-code", "FAKE");
  const component = await o.run(o.backbone.component("c", [on(channel, () => undefined)]));
  await component.whenIdle();
  const letters = o.backbone.deadLetters();
  const [letter] = await all(letters.list());
  assert.is(letter?.code, "THROUGHLINE_ENVELOPE");
  assert.equal(letter?.entry.fields, ["payload", "broken", "dead-entry", "1-1", "dead-code", "FAKE"]);
  assert.equal(await letters.redrive(), { ...none, redriven: 1 });
});

test("letters of all channels, components and partitions are listed in order, page by page", async () => {
  await using o = await open({ partitions: 3 });
  const components = ["a", "b"].map((name) =>
    o.backbone.component(name, [
      on(channel, () => {
        throw new PermanentError(name);
      }),
    ]),
  );
  for (const component of components) await o.run(component);
  for (let n = 0; n < 100; n++) await o.backbone.publish(channel, { n, key: `k-${n}` });
  for (const component of components) await component.whenIdle();
  const letters = await all(o.backbone.deadLetters().list());
  assert.is(letters.length, 200);
  assert.equal(new Set(letters.map(({ partition }) => partition)).size, 3);
  assert.equal(new Set(letters.map(({ component }) => component)), new Set(["a", "b"]));
  const times = letters.map(({ id }) => Number.parseInt(id, 10));
  assert.equal(
    times,
    times.toSorted((a, b) => a - b),
  );
  const ofOne = await all(o.backbone.deadLetters({ channel, component: "a" }).list({ partition: 1 }));
  assert.ok(ofOne.length > 0 && ofOne.every(({ component, partition }) => component === "a" && partition === 1));
  assert.is((await o.backbone.deadLetters({ component: "b" }).purge({ partition: 1 })).purged, ofOne.length);
  assert.is((await all(o.backbone.deadLetters().list())).length, 200 - ofOne.length);
});

test("letters can be purged when memory is full", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const letters = await bury(o, 2);
  await o.client.config("SET", "maxmemory", "1");
  assert.equal(await letters.purge(), { purged: 2, gone: 0 });
});
