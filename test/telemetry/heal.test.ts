/**
 * `spans heal` makes stories whole that a Collector which was away, or a process that was killed, has left holes in: nothing is missing then, and nothing
 * is there twice. `HEAL_AWAY_MS` is how long the Collector is away, and `HEAL_MAX_BYTES` what a process may hold.
 */

import { setTimeout as pause } from "node:timers/promises";
import * as assert from "uvu/assert";
import { openObserver } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector, idOf } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";

const awayMs = Number(process.env["HEAL_AWAY_MS"] ?? 1_000);
const maxBytes = process.env["HEAL_MAX_BYTES"] ?? "200000";

function start(namespace: string, collector: Collector, args: readonly string[], env: Record<string, string> = {}) {
  return startProcess("test/telemetry/fixtures/copies.ts", [redisUrl(), namespace, ...args], {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_METRICS_EXPORTER: "none",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      ...env,
    },
  });
}

/** Resolves when the copier has nothing to do but `open` events. */
async function untilIdle(namespace: string, open = 0): Promise<void> {
  await using observer = openObserver({ url: redisUrl(), namespace });
  await eventually(async () => {
    const { components } = await observer.status();
    const channels = components.flatMap((component) => component.channels);
    return channels.length > 0 && channels.every(({ lagEntries, pending }) => lagEntries + pending === open);
  }, 300_000);
}

async function countOf(namespace: string, channel: string): Promise<number> {
  await using observer = openObserver({ url: redisUrl(), namespace });
  let count = 0;
  for await (const _ of observer.read(channel)) count++;
  return count;
}

async function end(process: StartedProcess): Promise<void> {
  process.kill("SIGTERM");
  assert.is((await process.ended).code, 0, process.stderr());
}

/** The number of spans that the process says it has lost. */
function lostBy(process: StartedProcess): number {
  return Number(/"spans":(\d+),[^\n]*lost in all/.exec(process.stderr())?.[1] ?? 0);
}

async function heal(namespace: string, collector: Collector, fromMs: number): Promise<number> {
  const args = ["--url", redisUrl(), "--namespace", namespace, "--json", "spans", "heal", "--from", String(fromMs)];
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  await using cli = startProcess("src/cli/throughline.ts", args, { env });
  assert.is((await cli.ended).code, 0, cli.stderr());
  await collector.become("accept"); // its answer comes after all that has arrived
  const { spans, untold } = JSON.parse(cli.stdout()) as { spans: number; untold: Record<string, number> };
  assert.equal(untold, { writes: 0, unnoted: 0, unowned: 0, trimmed: 0 });
  return spans;
}

const told = ["process source", "send out", "send source"];

/** Each story is one tree, whole, and holds nothing twice; a story of `crashed` events has a further attempt. */
function assertWhole(spans: readonly WireSpan[], events: number, crashed = 0): void {
  const ids = new Set(spans.map(idOf));
  const stories = Map.groupBy(spans, ({ traceId }) => traceId);
  assert.is(stories.size, events);
  let retold = 0;
  for (const story of stories.values()) {
    const names = story.map(({ name }) => name).sort();
    if (names.length > told.length) retold++;
    assert.equal(names, names.length > told.length ? [told[0], ...told] : told);
    assert.is(story.filter(({ parentSpanId }) => parentSpanId === "").length, 1);
    for (const { traceId, parentSpanId, links } of story) {
      assert.ok(parentSpanId === "" || ids.has(`${traceId}/${parentSpanId}`), "no span is an orphan");
      for (const link of links) assert.ok(ids.has(idOf(link)), "each link leads somewhere");
    }
  }
  assert.is(retold, crashed);
}

test(
  "what was dropped while the Collector was away is healed: nothing is missing, and nothing is twice",
  async () => {
    await using collector = await Collector.start();
    const namespace = freshNamespace();
    const bound = { THROUGHLINE_TELEMETRY_MAX_BYTES: maxBytes };
    await using copier = start(namespace, collector, ["copier"], bound);
    await copier.line("ready");
    await using publisher = start(namespace, collector, ["publisher"], bound);
    await collector.until(({ spans }) => spans.length > 100);
    const fromMs = Date.now() - 10_000; // what was on its way then
    const awayUntil = performance.now() + awayMs;
    await collector.become("absent");
    for (const process of [copier, publisher]) await process.line("spans are dropped", awayMs + 60_000);
    await pause(Math.max(0, awayUntil - performance.now()));
    await collector.become("accept");
    const before = collector.spans.length;
    await collector.until(({ spans }) => spans.length > before + 100);
    await end(publisher);
    await untilIdle(namespace);
    await end(copier);
    await collector.become("accept");

    const events = await countOf(namespace, "source");
    const arrived = collector.spans.length;
    const missing = told.length * events - arrived;
    const lost = lostBy(copier) + lostBy(publisher);
    assert.ok(missing > 0, `${arrived} spans of ${events} stories`);
    assert.is(lost, missing, "what is said to be lost is what is missing");
    const healed = await heal(namespace, collector, fromMs);
    assertWhole(collector.spans, events);
    assert.is(await heal(namespace, collector, fromMs), healed);
    assert.is(collector.spans.length, told.length * events);
    if (process.env["HEAL_AWAY_MS"] !== undefined)
      process.stdout.write(
        `${events} stories, ${missing} of ${told.length * events} spans missing, ${lost} said to be lost, ${healed} healed\n`,
      );
  },
  { timeoutMs: 120_000 + 6 * awayMs },
);

test(
  "what a killed process has not exported is healed, with the attempt that it was killed in",
  async () => {
    await using collector = await Collector.start();
    const namespace = freshNamespace();
    const fromMs = Date.now() - 1_000;
    const events = 50;
    const holding = { HANG_ON: "7", OTEL_BSP_SCHEDULE_DELAY: "600000" };
    await using killed = start(namespace, collector, ["copier"], holding);
    await killed.line("ready");
    await using publisher = start(namespace, collector, ["publisher", String(events)]);
    await publisher.line("published");
    await publisher.ended;
    await killed.line("hangs");
    await untilIdle(namespace, 1);
    killed.kill("SIGKILL");
    await killed.ended;
    await using copier = start(namespace, collector, ["copier"]);
    await untilIdle(namespace);
    await end(copier);
    await collector.become("accept");

    // The publisher's, those of the event that hung, and the attempt that was cut off.
    assert.is(collector.spans.length, events + 3);
    assert.is(await heal(namespace, collector, fromMs), told.length * events + 1);
    assertWhole(collector.spans, events, 1);
    const lost = collector.spans.filter(({ attributes }) => attributes["throughline.outcome"] === "owner_lost");
    assert.is(lost.length, 1);
    assert.ok(collector.spans.some(({ links }) => links.some((link) => idOf(link) === idOf(lost[0] as WireSpan))));
  },
  { timeoutMs: 120_000 },
);
