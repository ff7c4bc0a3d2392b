/** Each alert is fired once by doing the thing that it warns of to real processes, and before that none fires. */

import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type Series, sumOf } from "../ops/exposition.ts";
import { assertFiring, needPromtool, type Scrapes } from "../ops/rules.ts";
import { startWorker } from "../ops/worker.ts";
import { open } from "../support/backbone.ts";
import { test } from "../support/test.ts";
import { Collector } from "../telemetry/collector.ts";

const channel = { name: "tasks" };

/** A test with promtool, and with a stack for the processes that it starts. */
function alertTest(name: string, run: (stack: AsyncDisposableStack) => Promise<void>): void {
  test(
    name,
    async () => {
      needPromtool();
      await using stack = new AsyncDisposableStack();
      await run(stack);
    },
    { timeoutMs: 120_000 },
  );
}

/** Tells whether a scrape has what is awaited. */
type Told = (series: readonly Series[]) => boolean;

const is =
  (metric: string, value: number, labels?: Record<string, string>): Told =>
  (series) =>
    sumOf(series, metric, labels) === value;
const isAtLeast =
  (metric: string, least: number, labels?: Record<string, string>): Told =>
  (series) =>
    (sumOf(series, metric, labels) ?? 0) >= least;
const owns = is("throughline_partition_owned", 1);
const of = (component: string): Record<string, string> => ({ messaging_consumer_group_name: component });
const task = (will: string): [string, string] => ["payload", JSON.stringify({ will })];

alertTest("a killed component without another has no owner, falls behind, and does not answer", async (stack) => {
  const o = stack.use(await open());
  const { namespace } = o.backbone;
  const worker = await startWorker(stack, namespace);
  const watcher = await startWorker(stack, namespace, { COMPONENT: "watcher", CHANNEL: "elsewhere" });
  const before = { worker: await worker.until(owns), watcher: await watcher.until(owns) };
  assertFiring([before], 10, []);

  worker.process.kill("SIGKILL");
  await worker.process.ended;
  // An entry of long ago, and then more and more.
  await o.client.xadd(o.stream(channel), "1700000000000-0", ...task("end"));
  const after: Scrapes[] = [];
  for (let n = 1; n <= 8; n++) {
    after.push({ worker: undefined, watcher: await watcher.until(isAtLeast("throughline_lag", n, of("worker"))) });
    await o.write(channel, ...task("end"));
  }
  assertFiring([before, ...after], 2, ["ThroughlineLagGrows", "ThroughlineNoOwner", "ThroughlineProcessDown"]);
});

alertTest("an event that is given up is a dead letter until somebody has dealt with it", async (stack) => {
  const o = stack.use(await open());
  const worker = await startWorker(stack, o.backbone.namespace);
  const before = { worker: await worker.until(owns) };
  await o.write(channel, ...task("fail"));
  const after = { worker: await worker.until(is("throughline_dead_letters", 1)) };
  assertFiring([before], 5, []);
  assertFiring([before, after], 5, ["ThroughlineDeadLetters"]);
  await o.backbone.deadLetters().purge();
  const purged = { worker: await worker.until(is("throughline_dead_letters", 0)) };
  assertFiring([before, after, purged], 5, []);
});

alertTest("settlements that Redis refuses, and entries that are gone before they were handled", async (stack) => {
  const o = stack.use(await open());
  const worker = await startWorker(stack, o.backbone.namespace);
  const before = { worker: await worker.until(owns) };
  await o.client.set(o.stream({ name: "outputs" }), "no stream");
  await o.write(channel, ...task("output"));
  const refused = { worker: await worker.until(isAtLeast("throughline_settlements_refused_total", 1)) };
  assertFiring([before, refused], 3, ["ThroughlineSettlementsRefused"]);

  worker.process.kill("SIGKILL");
  await worker.process.ended;
  await o.client.del(o.stream({ name: "outputs" }));
  await o.client.xtrim(o.stream(channel), "MAXLEN", 0);
  const next = await startWorker(stack, o.backbone.namespace);
  const isLost = isAtLeast("throughline_lost_total", 1);
  const lost = { worker: await next.until((series) => owns(series) && isLost(series)) };
  assertFiring([before, lost], 10, ["ThroughlineEntriesLost", "ThroughlineTakeovers"]);
});

alertTest("a process that stood still is fenced, and who went on has taken its events over", async (stack) => {
  const o = stack.use(await open());
  const { namespace } = o.backbone;
  const first = await startWorker(stack, namespace);
  const owned = await first.until(owns);
  const second = await startWorker(stack, namespace);
  const before = { first: owned, second: await second.until(is("throughline_lag", 0)) };
  assertFiring([before], 5, []);
  await o.write(channel, ...task("wait"));
  await first.process.line("begun");
  first.process.kill("SIGSTOP");
  const hasTaken = isAtLeast("throughline_partition_takeovers_total", 1);
  const taken = await second.until((series) => owns(series) && hasTaken(series));
  first.process.kill("SIGCONT");
  const fenced = await first.until(isAtLeast("throughline_fenced_total", 1));
  assertFiring([before, { first: fenced, second: taken }], 5, ["ThroughlineFenced", "ThroughlineTakeovers"]);
});

alertTest(
  "a source whose outside system is not there stands, and a component whose Redis is away cannot work",
  async (stack) => {
    const redis = stack.use(await startPrivateRedis());
    const worker = await startWorker(stack, "stands", { REDIS_URL: redis.url, SOURCE: "feed" });
    const unready = (component: string): Told => is("throughline_unready", 1, of(component));
    const stands = await worker.until(unready("source/feed"));
    assertFiring([{ worker: stands }], 8, ["ThroughlineSourceStands"]);
    await redis.kill("SIGKILL");
    const away = await worker.until(unready("worker"));
    assertFiring([{ worker: stands }, { worker: away }], 8, ["ThroughlineSourceStands", "ThroughlineUnready"]);
  },
);

alertTest("spans that a Collector refuses are dropped", async (stack) => {
  const collector = stack.use(await Collector.start());
  await collector.become("deny");
  const o = stack.use(await open());
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: "50" };
  const worker = await startWorker(stack, o.backbone.namespace, env);
  const before = { worker: await worker.until(owns) };
  assertFiring([before], 5, []);
  await o.write(channel, ...task("end"));
  const after = { worker: await worker.until(isAtLeast("throughline_telemetry_dropped_spans_total", 1)) };
  assertFiring([before, after], 5, ["ThroughlineSpansDropped"]);
});
