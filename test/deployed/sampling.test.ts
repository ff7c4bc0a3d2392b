/**
 * Sampling by story on the wire: each sampled order's trace holds its own way from order to booking, and nothing else is exported.
 * At 100 % `throughline spans rebuild` gives the same spans out of the log. `STORY_ORDERS` names another file of orders, and `STORY_COUNT` how many of it.
 */

import { join } from "node:path";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { idOf } from "../telemetry/collector.ts";
import type { WireSpan } from "../telemetry/otlp.ts";
import { differences, rebuild } from "../telemetry/rebuilt.ts";
import { values } from "../telemetry/story.ts";
import { type LoggedOrder, runStories, type StoryRun } from "../telemetry/story-run.ts";

const file = process.env["STORY_ORDERS"] ?? join(import.meta.dirname, "../../trading/domain/sample/orders.ndjson");
const count = Number(process.env["STORY_COUNT"] ?? 1_000);

/** The spans of a story by service and name, each with how often it is there. */
type Told = Readonly<Record<string, number>>;

/**
 * What the log says that an order's trace must hold. Its first sampled order's trace also holds what was sent of an exchange order.
 */
function expectedIn(order: LoggedOrder, { exchangeOrders }: StoryRun): Told {
  const told: Record<string, number> = {
    "client: send client-orders": 1,
    "algorithm: process client-orders": 1,
    "order-manager: process client-orders": 1,
  };
  const add = (name: string, times: number): void => {
    if (times > 0) told[name] = (told[name] ?? 0) + times;
  };
  for (const { orders, fills } of exchangeOrders.filter((one) => one.orders.includes(order))) {
    add("order-sender: process exchange-orders", 1);
    add("order-sender: process venue-orders", 1);
    add("algorithm: process fills", fills);
    if (orders.find(({ isSampled }) => isSampled) !== order) continue;
    add("algorithm: send exchange-orders", 1);
    add("order-sender: send venue-orders", 1);
    add("order-sender: send fills", fills);
  }
  add("algorithm: send executions", order.executions);
  add("order-manager: process executions", order.executions);
  return told;
}

function toldBy(spans: readonly WireSpan[]): Told {
  const told: Record<string, number> = {};
  for (const { service, name } of spans) told[`${service}: ${name}`] = (told[`${service}: ${name}`] ?? 0) + 1;
  return Object.fromEntries(Object.entries(told).sort());
}

function check(run: StoryRun): { readonly spans: number; readonly needed: number } {
  const byId = new Map(run.spans.map((span) => [idOf(span), span]));
  // A venue's report comes without a trace, and begins one of its own: what comes of it goes on with the order's.
  const ofOrders = run.spans.filter(({ name }) => !name.endsWith(" reports"));
  const byTrace = Map.groupBy(ofOrders, ({ traceId }) => traceId);
  const sampled = run.orders.filter(({ isSampled }) => isSampled);
  let needed = 0;
  for (const order of sampled) {
    const spans = byTrace.get(order.traceId) ?? [];
    assert.equal(toldBy(spans), Object.fromEntries(Object.entries(expectedIn(order, run)).sort()), `order ${order.id}`);
    for (const span of spans) {
      assert.equal(values(span, "client.order_id"), [order.id], `${span.service}: ${span.name}`);
      assert.equal(values(span, "user.id"), [order.userId]);
      assert.ok(
        span.parentSpanId === "" || byId.has(`${span.traceId}/${span.parentSpanId}`),
        `${span.name} is no orphan`,
      );
    }
    assert.is(spans.filter(({ parentSpanId }) => parentSpanId === "").length, 1, "it is one tree");
    needed += spans.length;
    byTrace.delete(order.traceId);
  }
  for (const span of run.spans)
    for (const link of span.links) assert.ok(byId.has(idOf(link)), `a link of ${span.name} leads somewhere`);
  // What is left are batches, each with an event of some sampled story.
  for (const [batch, ...others] of byTrace.values()) {
    const told = [batch, ...others].map((span) => `${span?.service}: ${span?.name}`).join(", ");
    assert.is(others.length, 0, told);
    assert.ok(
      batch !== undefined && batch.links.length > 0 && Number(batch.attributes["messaging.batch.message_count"]) > 1,
    );
    needed++;
  }
  return { spans: ofOrders.length, needed };
}

for (const ratio of [1, 0.1, 0.01]) {
  test(
    `of ${count} orders under load ${100 * ratio} % are sampled: each story is whole, and nothing else is exported`,
    async () => {
      const run = await runStories(file, count, ratio);
      const sampled = run.orders.filter(({ isSampled }) => isSampled);
      const mean = run.orders.length * ratio;
      const spread = 6 * Math.sqrt(mean * (1 - ratio)) + 1e-9;
      assert.ok(Math.abs(sampled.length - mean) <= spread, `${sampled.length} of ${run.orders.length} are sampled`);
      const { spans, needed } = check(run);
      assert.ok(spans <= 1.05 * needed, `${spans} spans, of which ${needed} are needed`);
      const netted = run.exchangeOrders.filter(({ orders }) => orders.length > 1);
      assert.ok(netted.length > 100, "orders are netted");
      if (ratio === 1) {
        // The log alone gives the same spans, and a second time, too.
        const { spans: again, out } = await rebuild(run.namespace, "rebuild");
        assert.equal(differences(run.spans, again), []);
        assert.is(again.length, run.spans.length);
        assert.equal(out["untold"], { writes: 0, unnoted: 0, unowned: 0, trimmed: 0 });
        const { spans: healed } = await rebuild(run.namespace, "heal", "--from", "-1d");
        assert.equal(differences(again, healed), []);
      }
      if (process.env["STORY_COUNT"] === undefined) return;
      const bytes = run.exchangeOrders.reduce((sum, { storyBytes }) => sum + storyBytes, 0);
      const entries = run.exchangeOrders.reduce((sum, { fills }) => sum + 1 + fills, 0);
      process.stdout.write(
        `${ratio}: ${sampled.length} of ${run.orders.length} orders, ${spans} spans, ${run.exchangeOrders.length} exchange orders ` +
          `(${netted.length} netted), stories ${(bytes / entries).toFixed(1)} B an entry\n`,
      );
    },
    { timeoutMs: 570_000 },
  );
}
