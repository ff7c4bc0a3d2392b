/** What people see of a source: spans, metrics, status, what holds back retention (nothing); and sources in memory. */

import { metrics } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import { ConfigError, type Published, type SourceTools, traceIdOf } from "../../src/index.ts";
import { captureSpans, memoryBackbone } from "../../src/testing.ts";
import { type Opened, open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { Outside } from "./outside.ts";

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((end) => signal.addEventListener("abort", () => end(), { once: true }));

test("each event has a send span: a root, the one that its carrier names as parent, or in the story of its cause", async () => {
  using spans = captureSpans();
  await using backbone = memoryBackbone();
  const [orders, channel] = [things("orders"), things("reports")];
  const cause = await backbone.publish(orders, { n: 0 });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const refs = Promise.withResolvers<readonly { readonly traceparent: string }[]>();
  backbone.source("venue", channel, async ({ append, signal }) => {
    const appended = append(
      [
        { payload: { n: 1 } },
        { payload: { n: 2 }, carrier: { traceparent } },
        { payload: { n: 3 }, causedBy: [cause] },
      ],
      "3",
    );
    refs.resolve(await appended);
    await untilAborted(signal);
  });
  await backbone.clock.advance(1_000);
  const [root, continued, caused] = spans.all().filter(({ name }) => name === "send reports");
  assert.equal(
    [root, continued, caused].map((span) => span?.kind),
    [3, 3, 3], // PRODUCER
  );
  assert.is(root?.parentSpanId, undefined);
  assert.equal([continued?.traceId, continued?.parentSpanId], ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]);
  assert.is(caused?.traceId, traceIdOf(cause as Published));
  const written = backbone.events(channel).map((event) => event.traceparent);
  assert.equal(
    (await refs.promise).map((ref) => ref.traceparent),
    written,
  );
  assert.ok(written[1]?.startsWith("00-0af7651916cd43dd8448eb211c80319c-"));
});

test("in memory a source goes on from its position in one of many, and is refused what it is refused on a server", async () => {
  await using backbone = memoryBackbone({ partitions: 2 });
  const channel = things("reports", { placement: "source" });
  const outside = new Outside();
  outside.say(...Array.from({ length: 5 }, (_, n) => ({ n })));
  const [first, second] = [outside, outside].map(({ run }) => backbone.source("venue", channel, run));
  await backbone.clock.advance(2_000);
  assert.equal([...(first?.owned ?? []), ...(second?.owned ?? [])].toSorted(), [0, 1]);
  await first?.[Symbol.asyncDispose]();
  await backbone.clock.advance(2_000);
  assert.equal([first?.owned, second?.owned], [[], [0, 1]]);
  outside.say({ n: 5 });
  await backbone.clock.advance(100);
  const numbers = backbone.events(channel).map(({ payload }) => (JSON.parse(payload) as Thing).n);
  assert.equal(numbers, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
  assert.throws(() => backbone.source("venue", channel, outside.run, { takeoverAfterMs: 1 }), /takeoverAfterMs is 1/);
});

test("an append of more than its channel ever takes is refused, and does not wait", async () => {
  await using backbone = memoryBackbone();
  const channel = things("capped", { retention: { hardCap: 2 } });
  const refused = Promise.withResolvers<unknown>();
  backbone.source("venue", channel, async ({ append }) => {
    const three = [1, 2, 3].map((n) => ({ payload: { n } }));
    refused.resolve(await rejects(append(three, "3"), ConfigError, /3 events at once .* takes 2 .*: they never fit/));
  });
  await backbone.clock.advance(1_000);
  assert.instance(await refused.promise, ConfigError);
});

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}

  async ends(): Promise<Record<string, unknown>> {
    const { resourceMetrics } = await this.collect();
    const runs = resourceMetrics.scopeMetrics
      .flatMap(({ metrics: all }) => all)
      .find(({ descriptor }) => descriptor.name === "throughline.source.runs");
    const points = runs?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes, value }) => [String(attributes["throughline.source.end"]), value]),
    );
  }
}

test("runs are counted by how they ended", async () => {
  const reader = new Reader();
  metrics.disable();
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  await using backbone = memoryBackbone();
  let runs = 0;
  const source = backbone.source("venue", things("reports"), async ({ signal }) => {
    runs++;
    if (runs === 1) throw new Error("no");
    if (runs > 2) await untilAborted(signal);
  });
  await backbone.clock.advance(5_000);
  await source[Symbol.asyncDispose]();
  assert.equal(await reader.ends(), { failed: 1, ended: 1, handedOver: 1 });
  metrics.disable();
});

async function begin(o: Opened): Promise<void> {
  const channel = things("reports", { retention: { maxEntries: 3 } });
  const run = async ({ partition, append, signal }: SourceTools<Thing>): Promise<void> => {
    if (partition === 1) for (let n = 1; n <= 20; n++) await append([{ payload: { n, key: "k" } }], `session-7/${n}`);
    await untilAborted(signal);
  };
  o.backbone.source("venue", channel, run);
  await eventually(async () => (await o.length(channel)) === 20);
}

test("the status shows each source's position, owner and members; a source holds back no retention", async () => {
  await using o = await open({ partitions: 2, maintenanceEveryMs: 100 });
  await begin(o);
  const status = await o.backbone.status();
  const [first, second] = status.sources;
  assert.equal([first?.source, first?.channel, first?.partition, first?.position], ["venue", "reports", 0, null]);
  assert.equal([second?.partition, second?.position, second?.standBy], [1, "session-7/20", []]);
  assert.ok(Math.abs((second?.positionAt ?? 0) - Date.now()) < 60_000);
  assert.is(second?.owner?.live, true);
  const members = status.members.filter(({ component }) => component === "source/venue");
  assert.equal(
    members.map(({ owned, live }) => [owned, live]),
    [[[0, 1], true]],
  );
  assert.equal(status.components, []);
  o.backbone.maintain();
  await eventually(async () => (await o.length({ name: "reports" })) === 3);
});
