/** A component of very many channels: what is quiet costs nothing, and what needs somebody is found on every one of them. */

import type { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { type Channel, type Component, on } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type Opened, open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

/** More than the regular duties look at in one tick. */
const count = 1_200;
const channels: readonly Channel<Thing>[] = Array.from({ length: count }, (_, n) => things(`c${n}`));
/** Looked at in different ticks. */
const [early, late] = [channels[3] as Channel<Thing>, channels[1_150] as Channel<Thing>];

function component(o: Opened, handled: string[] = [], of: readonly Channel<Thing>[] = channels): Component {
  const note =
    (channel: Channel<Thing>) =>
    ({ payload }: { readonly payload: Thing }): void =>
      void handled.push(`${channel.name}/${payload.n}`);
  return o.backbone.component(
    "c",
    of.map((channel) => on(channel, note(channel))),
    { claimAfterMs: 300 },
  );
}

/** Commands that the server has run, those inside of scripts included, by name. */
async function commandsOf(client: Redis): Promise<ReadonlyMap<string, number>> {
  const stats = await client.info("commandstats");
  return new Map(
    [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = "", calls]) => [name, Number(calls)]),
  );
}

/** What an idle member has the server do in five of its heartbeats: commands, and questions that it waits for. */
async function idleWork(of: readonly Channel<Thing>[]): Promise<{ commands: number; questions: number }> {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  await o.run(component(o, [], of));
  const heartbeats = async (): Promise<number> => (await commandsOf(o.client)).get("zadd") ?? 0;
  const joined = await heartbeats();
  await eventually(async () => (await heartbeats()) >= joined + 2, 15_000);
  await o.client.config("RESETSTAT");
  await eventually(async () => (await heartbeats()) >= 5, 15_000);
  const commands = await commandsOf(o.client);
  const sum = [...commands].reduce((total, [, calls]) => total + calls, 0);
  return { commands: sum, questions: commands.get("evalsha") ?? 0 };
}

test(
  "an idle member's work does not grow with its channels",
  async () => {
    const [some, many] = [await idleWork(channels.slice(0, 600)), await idleWork(channels)];
    assert.ok(many.questions <= 5 * 5, `${many.questions} questions in five heartbeats`);
    // Heartbeats are counted by looking: one more may have come.
    assert.ok(
      many.commands < some.commands * 1.5,
      `${many.commands} commands for ${count} channels, ${some.commands} for 600`,
    );
  },
  { timeoutMs: 60_000 },
);

test(
  "is ready, reads at once, and drains at once",
  async () => {
    await using o = await open();
    const handled: string[] = [];
    const one = await o.run(component(o, handled));
    await eventually(() => one.health.isReady, 3_000);
    await o.backbone.publish(late, { n: 1 });
    await eventually(() => handled.length === 1, 3_000);
    await one.drain();
    assert.equal(handled, ["c1150/1"]);
    assert.is(await o.client.exists(o.keys.members(0, "c")), 0);
  },
  { timeoutMs: 30_000 },
);

test(
  "finds on every channel what was handed back, what dead members and strangers held, and retries without a timer",
  async () => {
    await using o = await open();
    const first = await o.run(component(o));
    await first.drain(); // the groups are there
    // Each on a channel where nothing else is: one on which something is done is looked at anyway.
    const wanted: string[] = [];
    for (const [n, consumer] of ["released", "dead", "stranger", "parked"].entries()) {
      for (const channel of [channels[3 + n], channels[1_150 + n]] as Channel<Thing>[]) {
        const { entryId } = await o.backbone.publish(channel, { n });
        await o.client.xreadgroup("GROUP", "c", consumer, "COUNT", 1, "STREAMS", o.stream(channel), ">");
        if (consumer === "parked") await o.client.zadd(o.keys.parked(0, channel.name, "c"), 1, entryId);
        wanted.push(`${channel.name}/${n}`);
      }
    }
    await o.client.zadd(o.keys.members(0, "c"), 1_000, "dead");
    const handled: string[] = [];
    await o.run(component(o, handled));
    await eventually(() => handled.length >= wanted.length, 20_000);
    assert.equal(handled.toSorted(), wanted.toSorted());
  },
  { timeoutMs: 60_000 },
);

test(
  "takes up on every channel what it had in hand when its connections were cut",
  async () => {
    await using redis = await startPrivateRedis();
    await using o = await open({ url: redis.url });
    const handled: string[] = [];
    const one = await o.run(component(o, handled));
    const id = await o.client.xadd(o.stream(late), "*", "payload", '{"n":7}');
    await eventually(async () => (await o.client.xpending(o.stream(late), "c"))[0] === 0 && handled.length === 1);
    // As if delivered by a read whose reply never arrived.
    await o.client.xclaim(o.stream(late), "c", one.member, 0, id ?? "", "FORCE");
    await o.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await eventually(() => handled.filter((name) => name === "c1150/7").length === 2, 15_000);
  },
  { timeoutMs: 60_000 },
);

test(
  "tells what was removed unread, and makes a group again, on every channel",
  async () => {
    await using o = await open();
    const first = await o.run(component(o));
    await first.drain();
    for (const channel of [early, late]) {
      for (let n = 0; n < 3; n++) await o.backbone.publish(channel, { n });
      await o.client.xtrim(o.stream(channel), "MAXLEN", 0);
    }
    const handled: string[] = [];
    await o.run(component(o, handled));
    const lost = (): unknown[] =>
      o.log.filter(({ text }) => text.includes("they are lost")).map(({ fields }) => fields);
    await eventually(() => lost().length >= 2, 15_000);
    assert.equal(
      (lost() as { channel: string; count: number }[]).map(({ channel, count: n }) => `${channel} ${n}`).toSorted(),
      ["c1150 3", "c3 3"],
    );
    await o.client.xgroup("DESTROY", o.stream(late), "c");
    await o.backbone.publish(late, { n: 9 });
    await eventually(() => handled.includes("c1150/9"), 15_000);
  },
  { timeoutMs: 60_000 },
);

test(
  "maintenance looks at many channels at once, and trims those of which something may go",
  async () => {
    await using redis = await startPrivateRedis();
    await using o = await open({ url: redis.url, maintenanceEveryMs: 100 });
    const kept = channels.map(({ name }) => things(name, { retention: { maxEntries: 2 } }));
    const handled: string[] = [];
    await o.run(component(o, handled, kept));
    const each = o.client.pipeline();
    for (const channel of kept) each.xadd(o.stream(channel), "*", "payload", '{"n":0}');
    await each.exec();
    await eventually(() => handled.length === count, 15_000);
    const [one, other] = [kept[3], kept[1_150]] as [Channel<Thing>, Channel<Thing>];
    for (const channel of [one, other]) for (let n = 0; n < 6; n++) await o.backbone.publish(channel, { n });
    const lengths = async (): Promise<readonly number[]> =>
      Promise.all([one, other].map((channel) => o.client.xlen(o.stream(channel))));
    await eventually(async () => (await lengths()).every((length) => length === 2), 15_000);
    await o.client.config("RESETSTAT");
    const ticks = async (): Promise<number> => (await commandsOf(o.client)).get("zadd") ?? 0;
    await eventually(async () => (await ticks()) >= 3, 15_000);
    const asked = (await commandsOf(o.client)).get("evalsha") ?? 0;
    // In the time of three heartbeats there are some ten rounds of four questions each.
    assert.ok(asked < count / 10, `${asked} questions`);
  },
  { timeoutMs: 60_000 },
);
