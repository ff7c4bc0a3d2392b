/** Handlers that do not return are told of, by log, gauge and readiness, whatever time they are given. */

import { metrics } from "@opentelemetry/api";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}

  /** The gauge's points: channel and component → seconds. */
  async oldest(): Promise<Record<string, number>> {
    const { resourceMetrics } = await this.collect();
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const points = all.find(({ descriptor }) => descriptor.name === "throughline.handler.oldest")?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes, value }) => [
        `${attributes["messaging.destination.name"]}, ${attributes["messaging.consumer.group.name"]}`,
        Number(value),
      ]),
    );
  }
}

test("a component whose handlers all hang is told by its log and its readiness, and is ready once they end", async () => {
  await using o = await open();
  const source = things("source");
  const stop = Promise.withResolvers<void>();
  const component = await o.run(
    o.backbone.component("c", [on(source, () => stop.promise)], { concurrency: 2, slowHandlerMs: 100 }),
  );
  for (let n = 0; n < 5; n++) await o.backbone.publish(source, { n });
  const health = await eventually(() => component.health.reason?.includes("not returned") && component.health);
  assert.equal([health.isLive, health.isReady], [true, false]);
  assert.match(health.reason ?? "", /2 handlers .*source\/\d+-0/);
  const told = await eventually(() => o.log.find(({ text }) => text.includes("has not returned")));
  assert.is(told.level, "warn");
  assert.equal([told.fields["component"], told.fields["channel"], told.fields["running"]], ["c", "source", 2]);
  assert.ok(Number(told.fields["runningMs"]) >= 100);
  stop.resolve();
  await component.whenIdle();
  assert.equal(component.health, { component: "c", isLive: true, isReady: true });
});

test("one handler that hangs is told of while the others go on, and the component is ready", async () => {
  await using o = await open();
  const source = things("source");
  const stop = Promise.withResolvers<void>();
  const component = await o.run(
    o.backbone.component("c", [on(source, ({ payload }) => (payload.n === 0 ? stop.promise : undefined))], {
      slowHandlerMs: 200,
    }),
  );
  await eventually(() => component.health.isReady);
  await o.backbone.publish(source, { n: 0, key: "hangs" });
  await o.backbone.publish(source, { n: 1, key: "hangs" });
  for (let n = 2; !o.log.some(({ text }) => text.includes("has not returned")); n++) {
    await component.whenSettled(await o.backbone.publish(source, { n }));
    assert.ok(component.health.isReady);
  }
  // Now nothing else comes, and something waits behind it.
  await eventually(() => component.health.reason?.includes("not returned"));
  stop.resolve();
  await component.whenIdle();
  assert.ok(component.health.isReady);
});

test("a handler is told of when it has run for so long, twice as long, and so on", async () => {
  await using o = await open();
  const source = things("source");
  const stop = Promise.withResolvers<void>();
  const component = await o.run(o.backbone.component("c", [on(source, () => stop.promise)], { slowHandlerMs: 50 }));
  await o.backbone.publish(source, { n: 0 });
  const told = () => o.log.filter(({ text }) => text.includes("has not returned"));
  await eventually(() => told().length === 4);
  const times = told().map(({ fields }) => Number(fields["runningMs"]));
  for (let i = 0; i < 4; i++) assert.ok((times[i] as number) >= 50 * 2 ** i, `${times}`);
  stop.resolve();
  await component.whenIdle();
});

test("a gauge says how long the oldest handler of each channel has run, also one whose time was up", async () => {
  const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA });
  metrics.disable();
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  await using o = await open();
  const [hangs, idle] = [things("hangs", { retry: { ...soon, maxAttempts: 1 } }), things("idle")];
  const stop = Promise.withResolvers<void>();
  // Two members in one process: the older one's is told.
  const subscriptions = [on(hangs, { handlerTimeoutMs: 20 }, () => stop.promise), on(idle, () => undefined)];
  const component = await o.run(o.backbone.component("c", subscriptions));
  const other = await o.run(o.backbone.component("c", subscriptions));
  assert.equal(await reader.oldest(), { "hangs, c": 0, "idle, c": 0 });
  const ref = await o.backbone.publish(hangs, { n: 0 });
  await Promise.race([component.whenSettled(ref), other.whenSettled(ref)]);
  const { "hangs, c": running, "idle, c": nothing } = await reader.oldest();
  assert.ok(running !== undefined && running >= 0.02, `${running}`);
  assert.is(nothing, 0);
  assert.ok(component.health.isReady && other.health.isReady);
  stop.resolve();
  await eventually(async () => (await reader.oldest())["hangs, c"] === 0);
  await component.drain();
  await other.drain();
  assert.equal(await reader.oldest(), {});
  await provider.shutdown();
  metrics.disable();
});
