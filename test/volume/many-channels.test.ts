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
    { takeoverAfterMs: 500 },
  );
}

/** Commands that the server has run, those inside of scripts included, by name. */
async function commandsOf(client: Redis): Promise<ReadonlyMap<string, number>> {
  const stats = await client.info("commandstats");
  return new Map(
    [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = "", calls]) => [name, Number(calls)]),
  );
}

/** What an idle member has the server do in forty of its beats, some two seconds: commands, and questions that it waits for. */
async function idleWork(of: readonly Channel<Thing>[]): Promise<{ commands: number; questions: number }> {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  await o.run(component(o, [], of));
  const beats = async (): Promise<number> => {
    const [beat = ""] = await o.client.hvals(o.keys.beats("c"));
    return Number(beat.split(" ", 1)[0] ?? 0);
  };
  const joined = await beats();
  await eventually(async () => (await beats()) >= joined + 40, 15_000);
  await o.client.config("RESETSTAT");
  await eventually(async () => (await beats()) >= joined + 80, 15_000);
  const commands = await commandsOf(o.client);
  const sum = [...commands].reduce((total, [, calls]) => total + calls, 0);
  return { commands: sum, questions: commands.get("evalsha") ?? 0 };
}

test(
  "an idle member's work does not grow with its channels",
  async () => {
    const [some, many] = [await idleWork(channels.slice(0, 600)), await idleWork(channels)];
    assert.ok(many.questions <= 40 * 4, `${many.questions} questions in forty beats`);
    // Beats are counted by looking: one more may have come.
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
    assert.equal(one.owned, []);
  },
  { timeoutMs: 30_000 },
);

test(
  "finds on every channel what an owner before had left open, and retries without a timer",
  async () => {
    await using o = await open();
    const first = await o.run(component(o));
    await first.drain(); // the row is there
    const wanted: string[] = [];
    const row = o.keys.owner(0, "c");
    for (const [n, kind] of ["open", "parked"].entries()) {
      for (const channel of [channels[3 + n], channels[1_150 + n]] as Channel<Thing>[]) {
        const { entryId } = await o.backbone.publish(channel, { n });
        await o.client.hset(row, { [`at:${channel.name}`]: entryId, [`read:${channel.name}`]: "1" });
        if (kind === "open") await o.client.hset(row, { [`open:${channel.name}`]: entryId });
        else {
          await o.client.zadd(o.keys.parked(0, channel.name, "c"), 1, entryId);
          await o.client.hset(o.keys.attempts(0, channel.name, "c"), entryId, "1:0:1");
        }
        wanted.push(`${channel.name}/${n}`);
      }
    }
    const handled: string[] = [];
    await o.run(component(o, handled));
    await eventually(() => handled.length >= wanted.length, 20_000);
    assert.equal(handled.toSorted(), wanted.toSorted());
  },
  { timeoutMs: 60_000 },
);

test(
  "tells what was removed unread, and makes a group again, on every channel",
  async () => {
    await using o = await open();
    const first = await o.run(component(o));
    const looked = async (): Promise<boolean> =>
      (await o.client.hmget(o.keys.owner(0, "c"), "counts:c3", "counts:c1150")).every((text) => text !== null);
    for (const channel of [early, late]) await o.backbone.publish(channel, { n: 0 });
    await eventually(looked, 20_000);
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
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const asked = (await commandsOf(o.client)).get("evalsha") ?? 0;
    // In a second there are some ten rounds of four questions each, and the member's own, some fifty.
    assert.ok(asked < count / 10, `${asked} questions`);
  },
  { timeoutMs: 60_000 },
);
