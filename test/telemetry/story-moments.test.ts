/** An event of several stories on the wire when it is retried, taken over from a process that was killed, and replayed. */

import { context, ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { openLog, replayComponent } from "../../src/replay.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { open, things } from "../support/backbone.ts";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector, idOf } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";

const orders = things("orders", { correlation: ({ n }) => ({ order: `o-${n}` }) });
const shared = things("shared", { retry: { maxAttempts: 3, backoffMs: 1 } });
const done = things("done");

const traceOf = (n: number): string => String(n).repeat(32);

function outcomes(spans: readonly WireSpan[], n: number): unknown[] {
  return spans
    .filter(({ name, traceId }) => name === "process shared" && traceId === traceOf(n))
    .sort((a, b) => Number(a.startNs) - Number(b.startNs))
    .map(({ attributes }) => [
      attributes["throughline.outcome"],
      attributes["throughline.attempt"],
      attributes["order"],
    ]);
}

test(
  "each sampled story of an event has its attempts, whoever makes them, and a replay has traces of its own",
  async () => {
    await using collector = await Collector.start();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint;
    process.env["OTEL_METRICS_EXPORTER"] = "none";
    process.env["OTEL_BSP_SCHEDULE_DELAY"] = "20";
    await using telemetry = await startTelemetry({ serviceName: "moments" });
    await using o = await open();
    // Of the orders 1 to 4 those with even numbers are sampled.
    const publish = (n: number): Promise<unknown> => {
      const traceFlags = n % 2 === 0 ? TraceFlags.SAMPLED : TraceFlags.NONE;
      const from = { traceId: traceOf(n), spanId: String(n).repeat(16), traceFlags };
      return context.with(trace.setSpanContext(ROOT_CONTEXT, from), () => o.backbone.publish(orders, { n }));
    };
    const netter = await o.run(
      o.backbone.component("netter", [
        on(orders, { batch: { maxSize: 4, maxWaitMs: 10_000 } }, async (events, tools) => {
          await tools.publish(shared, { n: 0 }, { causedBy: events });
        }),
      ]),
    );
    await using killed = startProcess("test/telemetry/fixtures/hangs.ts", [redisUrl(), o.keys.namespace]);
    await Promise.all([1, 2, 3, 4].map(publish));
    await killed.line("begun");
    killed.kill("SIGKILL");
    await killed.ended;
    let failures = 1;
    const subscriptions = [
      on(shared, async ({ payload }, { publish: output }) => {
        if (failures-- > 0) throw new Error("not yet");
        await output(done, payload);
      }),
    ];
    const taker = await o.run(o.backbone.component("c", subscriptions, { takeoverAfterMs: 500 }));
    await netter.whenIdle();
    await taker.whenIdle();
    const source = await openLog(o.backbone, ["shared"], { components: ["c"] });
    for await (const _ of replayComponent({ source, component: "c", subscriptions }).calls());
    await telemetry.shutdown();
    await collector.become("accept"); // its answer comes after all that has arrived

    const live = collector.spans.filter(({ attributes }) => attributes["throughline.replay.run"] === undefined);
    for (const n of [2, 4]) {
      assert.equal(outcomes(live, n), [
        ["retried", 1, `o-${n}`],
        ["acked", 2, `o-${n}`],
      ]);
    }
    for (const n of [1, 3])
      assert.equal(
        live.filter(({ traceId }) => traceId === traceOf(n)),
        [],
      );
    const sent = live.filter(({ name }) => name === "send done");
    assert.equal(
      sent.map(({ traceId, attributes }) => [traceId, attributes["order"]]),
      [[traceOf(2), "o-2"]],
    );
    const byId = new Set(collector.spans.map(idOf));
    for (const span of live) {
      for (const link of span.links) assert.ok(byId.has(idOf(link)), `a link of ${span.name} leads somewhere`);
    }
    const replayed = collector.spans.filter(
      ({ name, attributes }) => name === "process shared" && attributes["throughline.replay.run"] !== undefined,
    );
    assert.is(replayed.length, 1, "of a replay each attempt is one span");
    assert.not.ok([traceOf(2), traceOf(4)].includes(replayed[0]?.traceId ?? ""));
    assert.ok(
      replayed[0]?.links.some(({ traceId }) => traceId === traceOf(2)),
      "linked to the original",
    );
  },
  { timeoutMs: 120_000 },
);
