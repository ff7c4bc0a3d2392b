/** A source on a Redis: what an outside system says comes in once, with its position, in the process that owns the partition. */

import * as assert from "uvu/assert";
import {
  ConfigError,
  defineChannel,
  type EventRef,
  FencedError,
  PayloadError,
  type SourceOptions,
  type SourceTools,
} from "../../src/index.ts";
import { positionKey, readPosition, sliceOfSource } from "../../src/model/source-names.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { type Opened, open, Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { Outside } from "./outside.ts";

async function positionIn({ client, keys }: Opened, source: string, partition = 0): Promise<string | undefined> {
  const json = await client.hget(keys.state(partition, sliceOfSource(source), positionKey.store), positionKey.key);
  return json === null ? undefined : readPosition(json).position;
}

const numbersIn = async (o: Opened, channel: Parameters<Opened["entries"]>[0]): Promise<readonly number[]> =>
  (await o.entries<Thing>(channel as never)).map(({ payload }) => payload.n);

function counted(count: number): readonly Thing[] {
  return Array.from({ length: count }, (_, n) => ({ n }));
}

test("what comes in goes into the log with its position, in its order", async () => {
  await using o = await open();
  const channel = things("reports");
  const outside = new Outside();
  outside.say(...counted(100));
  const source = o.backbone.source("venue", channel, outside.run);
  await eventually(async () => (await o.length(channel)) === 100);
  assert.equal(
    await numbersIn(o, channel),
    counted(100).map(({ n }) => n),
  );
  assert.is(await positionIn(o, "venue"), "99");
  assert.equal(source.owned, [0]);
  assert.is(source.health.isReady, true);
  assert.equal(o.backbone.health(), [source.health]);
});

test("a run that begins again, in any process, is given the last position", async () => {
  await using o = await open();
  await using other = await open({ namespace: o.backbone.namespace });
  const channel = things("reports");
  const begun: (string | undefined)[] = [];
  const run = async ({ position, signal, append }: SourceTools<Thing>): Promise<void> => {
    begun.push(position);
    await append([{ payload: { n: begun.length } }], `${position ?? ""}x`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  };
  const first = o.backbone.source("venue", channel, run);
  await eventually(() => begun.length === 1);
  const second = other.backbone.source("venue", channel, run);
  await first[Symbol.asyncDispose]();
  await eventually(() => begun.length === 2);
  assert.equal(begun, [undefined, "x"]);
  await eventually(async () => (await positionIn(o, "venue")) === "xx");
  assert.equal([first.owned, second.owned], [[], [0]]);
});

test("an append resolves with references to its events, and its ids are the same again for the same position", async () => {
  await using o = await open();
  const channel = things("reports");
  const { promise, resolve } = Promise.withResolvers<readonly EventRef[]>();
  o.backbone.source("venue", channel, async ({ append, signal }) => {
    const made = append([{ payload: { n: 1 } }, { payload: { n: 2 }, eventId: "own", time: 5 }], "2");
    assert.equal(await append([], "3"), []);
    resolve(await made);
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
  });
  const refs = await promise;
  const entries = await o.entries(channel);
  assert.equal(
    refs.map(({ entryId, id, channel: name }) => [entryId, id, name]),
    entries.map(({ id, fields }) => [id, fields["id"], "reports"]),
  );
  assert.match(refs[0]?.id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-8/);
  assert.equal([refs[1]?.id, entries[1]?.fields["time"]], ["own", "5"]);
  assert.is(await positionIn(o, "venue"), "3");
});

test("each partition has a run of its own; an event lies where its key says, or with its source", async () => {
  await using o = await open({ partitions: 4 });
  const [byKey, bySource] = [things("by-key"), things("by-source", { placement: "source" })];
  const run =
    (partitions: number[]) =>
    async ({ partition, append, signal }: SourceTools<Thing>): Promise<void> => {
      partitions.push(partition);
      await append([{ payload: { n: partition, key: "k" } }, { payload: { n: partition } }], "1");
      await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
    };
  const [each, together]: [number[], number[]] = [[], []];
  o.backbone.source("keyed", byKey, run(each));
  o.backbone.source("placed", bySource, run(together));
  await eventually(async () => (await o.length(byKey)) + (await o.length(bySource)) === 16);
  assert.equal(each.toSorted(), [0, 1, 2, 3]);
  const own = partitionOf("k", 4);
  for (let partition = 0; partition < 4; partition++) {
    const keyed = (await o.client.xlen(o.keys.stream(partition, "by-key"))) as number;
    assert.is(keyed, partition === own ? 5 : 1);
    assert.is(await o.client.xlen(o.keys.stream(partition, "by-source")), 2);
    assert.is(await positionIn(o, "placed", partition), "1");
  }
});

test("with one run in all there is one, and its events lie by their keys", async () => {
  await using o = await open({ partitions: 4 });
  const channel = things("reports");
  let runs = 0;
  o.backbone.source(
    "feed",
    channel,
    async ({ append, signal }) => {
      runs++;
      await append(
        counted(20).map(({ n }) => ({ payload: { n, key: `k${n}` } })),
        "20",
      );
      await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
    },
    { runs: "single" },
  );
  await eventually(async () => (await o.length(channel)) === 20);
  assert.is(runs, 1);
  for (const { n } of counted(20)) {
    const partition = partitionOf(`k${n}`, 4);
    const rows = await o.client.xrange(o.keys.stream(partition, "reports"), "-", "+");
    assert.is(rows.filter(([, fields]) => fields.includes(JSON.stringify({ n, key: `k${n}` }))).length, 1);
  }
});

test("a run that throws is begun again from the last position; the log says why once, and the health until it has recovered", async () => {
  await using o = await open();
  const channel = things("reports");
  const begun: (string | undefined)[] = [];
  const source = o.backbone.source("venue", channel, async ({ position, append, signal }) => {
    begun.push(position);
    if (begun.length === 1) await append([{ payload: { n: 1 } }], "1");
    if (begun.length <= 3) throw new Error("the line is dead");
    await append([{ payload: { n: 2 } }], "2");
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
  });
  await eventually(() => source.health.reason === "partition 0: its run failed: Error: the line is dead");
  assert.is(source.health.isReady, false);
  await eventually(async () => (await o.length(channel)) === 2);
  await eventually(() => source.health.isReady);
  assert.equal(begun, [undefined, "1", "1", "1"]);
  const told = o.log.filter(({ level, text }) => level === "error" && /run failed/.test(text));
  assert.is(told.length, 1);
});

test("a run that ends is begun again a second later", async () => {
  await using o = await open();
  const channel = things("reports");
  const begun: number[] = [];
  o.backbone.source("poll", channel, async ({ position = "0", append }) => {
    begun.push(performance.now());
    await append([{ payload: { n: Number(position) } }], String(Number(position) + 1));
  });
  await eventually(() => begun.length === 3);
  assert.equal((await numbersIn(o, channel)).slice(0, 2), [0, 1]);
  const [first = 0, second = 0] = begun;
  assert.ok(second - first >= 990, `${second - first} ms`);
});

test("an append that cannot be ends the run and all later appends, whether anybody awaits it or not", async () => {
  await using o = await open();
  const channel = things("reports");
  const failures: unknown[] = [];
  let runs = 0;
  o.backbone.source("venue", channel, async ({ position, append, signal }) => {
    if (++runs > 1) {
      if (position === undefined) await append([{ payload: { n: 7 } }], "7");
      await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
      return;
    }
    append([{ payload: { n: 1.5 } }], "1").catch((error: unknown) => failures.push(error));
    append([{ payload: { n: 2 } }], "2").catch((error: unknown) => failures.push(error));
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
  });
  await eventually(async () => (await positionIn(o, "venue")) === "7");
  assert.equal(await numbersIn(o, channel), [7]);
  assert.is(failures.length, 2);
  assert.instance(failures[0], PayloadError);
  assert.is(failures[1], failures[0]);
});

test("asynchronous schemas keep the order of the appends", async () => {
  await using o = await open();
  const slow = defineChannel<Thing>({
    name: "slow",
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: async (value: unknown) => {
          const thing = Thing.parse(value);
          // The first ones take longest.
          for (let turn = 0; turn < 20 - thing.n; turn++) await new Promise((resolve) => setImmediate(resolve));
          return { value: thing };
        },
      },
    },
  });
  o.backbone.source("venue", slow, async ({ append, signal }) => {
    await Promise.all(counted(20).map(({ n }) => append([{ payload: { n } }], `p${n}`)));
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
  });
  await eventually(async () => (await positionIn(o, "venue")) === "p19");
  assert.equal(
    await numbersIn(o, slow),
    counted(20).map(({ n }) => n),
  );
});

test("what would come in again or never, and what is no position, is refused", async () => {
  await using o = await open();
  const channel = things("reports");
  const tried: Promise<unknown>[] = [];
  o.backbone.source("venue", channel, async ({ append }) => {
    if (tried.length === 0) {
      await append([{ payload: { n: 1 } }], "1");
      tried.push(rejects(append([{ payload: { n: 2 } }], "1"), ConfigError, /come in again, or never/));
    } else if (tried.length === 1) tried.push(rejects(append([], ""), ConfigError, /1 to 1,024 characters/));
    else {
      const many = Array.from({ length: 1_001 }, () => ({ payload: { n: 1 } }));
      tried.push(rejects(append(many, "2"), ConfigError, /up to 1,000 events at once, not 1001/));
    }
  });
  await eventually(() => tried.length >= 3);
  await Promise.all(tried);
  assert.is(await o.length(channel), 1);
  assert.throws(() => o.backbone.source("Venue", channel, async () => undefined), /no name of a source/);
  const unknown = { run: "single" } as SourceOptions;
  assert.throws(() => o.backbone.source("venue", channel, async () => undefined, unknown), /no option "run"/);
});

test("while the channel is full an append waits, the health says so, and it is written when there is room", async () => {
  await using o = await open();
  const channel = things("capped", { retention: { hardCap: 2 } });
  const outside = new Outside();
  outside.say(...counted(4));
  const source = o.backbone.source("venue", channel, outside.run);
  await eventually(() => /the store refuses what it appends: .* is full/.test(source.health.reason ?? ""));
  assert.is(source.health.isReady, false);
  assert.equal(await numbersIn(o, channel), [0, 1]);
  assert.is(await positionIn(o, "venue"), "1");
  await o.client.xtrim(o.stream(channel), "MAXLEN", 0);
  await eventually(async () => (await positionIn(o, "venue")) === "3");
  assert.equal(await numbersIn(o, channel), [2, 3]);
  await eventually(() => source.health.isReady);
  assert.is(o.log.filter(({ text }) => /the store refuses what the source appends/.test(text)).length, 1);
});

test("a source that is closed while its channel is full gives up what waits, and the next owner has it", async () => {
  await using o = await open();
  await using other = await open({ namespace: o.backbone.namespace });
  const channel = things("capped", { retention: { hardCap: 2 } });
  const outside = new Outside();
  outside.say(...counted(4));
  const failures: unknown[] = [];
  const source = o.backbone.source("venue", channel, async (tools) => {
    await outside.run(tools).catch((error: unknown) => failures.push(error));
  });
  await eventually(() => /is full/.test(source.health.reason ?? ""));
  await source[Symbol.asyncDispose]();
  assert.instance(failures[0], FencedError);
  other.backbone.source("venue", channel, outside.run);
  await o.client.xtrim(o.stream(channel), "MAXLEN", 0);
  await eventually(async () => (await positionIn(o, "venue")) === "3");
  assert.equal(await numbersIn(o, channel), [2, 3]);
});

test("closing lets the run append what it has, and then ends it", async () => {
  await using o = await open();
  const channel = things("reports");
  const begun = Promise.withResolvers<void>();
  const given = Promise.withResolvers<() => Promise<unknown>>();
  const source = o.backbone.source("venue", channel, async ({ append, signal }) => {
    begun.resolve();
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
    await append([{ payload: { n: 1 } }], "last");
    given.resolve(() => append([{ payload: { n: 2 } }], "late"));
  });
  await begun.promise;
  await source[Symbol.asyncDispose]();
  assert.is(await positionIn(o, "venue"), "last");
  const late = await given.promise;
  await rejects(late(), Error, /after its run had ended/);
  assert.is(await o.length(channel), 1);
});

test("causes are kept, and a run's position that is gone is told", async () => {
  await using o = await open();
  const [causes, channel] = [things("orders"), things("reports")];
  const cause = await o.backbone.publish(causes, { n: 1 });
  let runs = 0;
  o.backbone.source("venue", channel, async ({ position, append, signal }) => {
    if (++runs === 1) {
      await append([{ payload: { n: 1 }, causedBy: [cause] }], "1");
      return;
    }
    if (position === undefined) await append([{ payload: { n: 2 } }], "again");
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
  });
  await eventually(async () => (await positionIn(o, "venue")) === "1");
  assert.match((await o.entries(channel))[0]?.fields["causes"] ?? "", new RegExp(cause.id));
  await o.client.del(o.keys.owner(0, sliceOfSource("venue")), o.keys.state(0, sliceOfSource("venue"), "position"));
  await eventually(async () => (await positionIn(o, "venue")) === "again");
  assert.ok(o.log.some(({ level, text }) => level === "error" && /position is gone/.test(text)));
});
