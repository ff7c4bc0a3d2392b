/** Redis is killed, stopped or filled up under load: what was acknowledged is there, and each event has its output once. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Component, on, PublishError } from "../../src/index.ts";
import { type PrivateRedis, startPrivateRedis } from "../../src/redis/private-server.ts";
import { type Opened, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const [source, middle, out] = [things("source", { retry: soon }), things("middle", { retry: soon }), things("out")];

/** Two components after one another, the first with two members and state, the second in batches. */
async function runPipeline(o: Opened): Promise<readonly Component[]> {
  const options = { claimAfterMs: 1_000 };
  const first = (): Component =>
    o.backbone.component(
      "first",
      [
        on(source, async ({ payload }, { publish, state }) => {
          const counts = state<number>("counts");
          const key = `k${payload.n % 5}`;
          counts.set(key, ((await counts.get(key)) ?? 0) + 1);
          await publish(middle, payload);
        }),
      ],
      options,
    );
  const second = o.backbone.component(
    "second",
    [
      on(middle, { batch: { maxSize: 20, maxWaitMs: 5 } }, async (events, { publish }) => {
        for (const event of events) await publish(out, event.payload, { causedBy: [event] });
      }),
    ],
    options,
  );
  return await Promise.all([o.run(first()), o.run(first()), o.run(second)]);
}

/** Publishes all the time, and keeps which were acknowledged and which are in doubt. */
class Load {
  readonly acknowledged = new Set<number>();
  readonly unknown = new Set<number>();
  #next = 0;
  #ended = false;
  readonly #done: Promise<void>;

  constructor(o: Opened) {
    this.#done = this.#run(o);
  }

  /** Resolves when so many more are acknowledged. */
  async goOn(count: number): Promise<void> {
    const goal = this.acknowledged.size + count;
    await eventually(() => this.acknowledged.size >= goal, 30_000);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #run(o: Opened): Promise<void> {
    while (!this.#ended) {
      await Promise.all(Array.from({ length: 10 }, () => this.#publish(o, this.#next++)));
      await new Promise(setImmediate);
    }
  }

  async #publish(o: Opened, n: number): Promise<void> {
    try {
      await o.backbone.publish(source, { n, key: `${n % 20}` });
      this.acknowledged.add(n);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      if (error.outcome === "unknown") this.unknown.add(n);
    }
  }
}

async function check(o: Opened, load: Load): Promise<void> {
  const inputs = (await o.entries(source)).map(({ payload }) => payload.n);
  const outputs = (await o.entries(out)).map(({ payload }) => payload.n);
  const [there, done] = [new Set(inputs), new Set(outputs)];
  const few = (numbers: Iterable<number>): readonly number[] => [...numbers].slice(0, 20);
  assert.is(there.size, inputs.length, "an event is there twice");
  assert.equal(few([...load.acknowledged].filter((n) => !there.has(n))), [], "acknowledged and lost");
  const refused = inputs.filter((n) => !load.acknowledged.has(n) && !load.unknown.has(n));
  assert.equal(few(refused), [], "rejected and there");
  assert.is(done.size, outputs.length, "an output is there twice");
  assert.equal(few(inputs.filter((n) => !done.has(n))), [], "an event without output");
  assert.is(outputs.length, inputs.length);
  let counted = 0;
  for (let k = 0; k < 5; k++) counted += (await o.backbone.view<number>("first", "counts").get(`k${k}`)) ?? 0;
  assert.is(counted, inputs.length, "an update of the state is lost or repeated");
}

async function underLoad(redis: PrivateRedis, fault: (o: Opened, load: Load) => Promise<void>): Promise<void> {
  await using o = await open({ url: redis.url });
  const components = await runPipeline(o);
  const load = new Load(o);
  await load.goOn(300);
  await fault(o, load);
  await load.goOn(300);
  await load.end();
  for (const component of components) await component.whenIdle();
  await check(o, load);
}

test(
  "loses nothing acknowledged when Redis is killed and comes back with its log",
  async () => {
    await using redis = await startPrivateRedis();
    await underLoad(redis, async (_, load) => {
      for (let i = 0; i < 3; i++) {
        await redis.kill("SIGKILL");
        await redis.restart();
        await load.goOn(200);
      }
    });
  },
  { timeoutMs: 90_000 },
);

test(
  "waits for a Redis that stands still, and goes on without repeating",
  async () => {
    await using redis = await startPrivateRedis();
    await underLoad(redis, async (o, load) => {
      await redis.kill("SIGSTOP");
      // Longer than the silence after which a connection is cut.
      await eventually(() => o.log.some(({ text }) => text === "Redis is away; retrying"), 15_000);
      await redis.kill("SIGCONT");
      await load.goOn(200);
      await o.client.call("CLIENT", "PAUSE", "1500", "ALL");
      await load.goOn(200);
    });
  },
  { timeoutMs: 90_000 },
);

test(
  "refuses publishes and settlements with outputs clean while memory is full, and recovers",
  async () => {
    await using redis = await startPrivateRedis();
    await underLoad(redis, async (o, load) => {
      await o.client.config("SET", "maxmemory", "1mb");
      await eventually(() => o.log.some(({ fields }) => String(fields["reason"]).includes("OOM")), 15_000);
      const error = await rejects(o.backbone.publish(source, { n: -1 }), PublishError, /OOM/);
      assert.is(error.outcome, "rejected");
      await o.client.config("SET", "maxmemory", "0");
      await load.goOn(100);
    });
  },
  { timeoutMs: 60_000 },
);

test("acknowledges what has no effects while memory is full", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const finish = Promise.withResolvers<void>();
  const component = await o.run(o.backbone.component("c", [on(source, async () => await finish.promise)]));
  const refs = await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(source, { n })));
  await o.client.config("SET", "maxmemory", "1mb");
  finish.resolve();
  for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
  await o.client.config("SET", "maxmemory", "0");
});

test(
  "has never an acknowledgement without its output, wherever its log is cut",
  async () => {
    await using redis = await startPrivateRedis();
    {
      await using o = await open({ url: redis.url, namespace: "cut" });
      const components = await runPipeline(o);
      await Promise.all(Array.from({ length: 400 }, (_, n) => o.backbone.publish(source, { n, key: `${n % 9}` })));
      for (const component of components) await component.whenIdle();
    }
    await redis.kill("SIGTERM");
    const directory = join(redis.directory, "appendonlydir");
    const file = join(directory, (await readdir(directory)).find((name) => name.endsWith(".incr.aof")) ?? "");
    const whole = await readFile(file);
    for (const share of [0.95, 0.7, 0.41, 0.2]) {
      await writeFile(file, whole.subarray(0, Math.floor(whole.length * share)));
      await redis.restart();
      {
        await using o = await open({ url: redis.url, namespace: "cut" });
        const components = await runPipeline(o);
        for (const component of components) await component.whenIdle();
        const inputs = (await o.entries(source)).map(({ payload }) => payload.n);
        const outputs = new Set((await o.entries(out)).map(({ payload }) => payload.n));
        assert.is((await o.entries(out)).length, inputs.length, `after a cut at ${share}`);
        assert.equal(
          inputs.filter((n) => !outputs.has(n)),
          [],
          `after a cut at ${share}`,
        );
      }
      await redis.kill("SIGTERM");
    }
  },
  { timeoutMs: 90_000 },
);
