/** Spans made again from the log beside those that were made live: retries, dead letters, failed batches, and logs that are damaged. */

import { SpanStatusCode } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import { openInspector } from "../../src/composition/observer.ts";
import { type EventRef, on, PermanentError } from "../../src/index.ts";
import type { Channel } from "../../src/model/channel.ts";
import { silentLog } from "../../src/ports/log.ts";
import { type Rebuilt, rebuildSpans } from "../../src/telemetry/rebuild/rebuild-spans.ts";
import type { EndedSpan } from "../../src/telemetry/spans/ended-span.ts";
import { type Opened, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { useOwnSpans } from "../tracing/own-spans.ts";

interface Again extends Rebuilt {
  readonly spans: readonly EndedSpan[];
}

async function rebuilt(o: Opened, channels: readonly Channel<unknown>[], fromMs = 0, toMs = 0): Promise<Again> {
  await using inspector = openInspector({ url: redisUrl(), namespace: o.keys.meta().replace(/:meta$/, "") });
  const spans: EndedSpan[] = [];
  const { hostname, port } = new URL(redisUrl());
  const result = await rebuildSpans({
    inspector,
    channels,
    server: { address: hostname, port: Number(port) },
    log: silentLog,
    fromMs,
    toMs: toMs || (await inspector.now()),
    publisher: "publisher",
    ratio: 1,
    take: (span) => void spans.push(span),
    onWindow: () => undefined,
  });
  return { ...result, spans };
}

function essence(span: EndedSpan): string {
  const { own, parent, name, kind, statics, attributes, later, links, status, statusMessage } = span;
  const all: Record<string, unknown> = { ...statics, ...attributes };
  for (let i = 0; i < later.length; i += 2) all[String(later[i])] = later[i + 1];
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const linked = links.map(({ context }) => `${context.traceId}/${context.spanId}`).sort();
  const ids = [own.traceId, own.spanId, parent?.spanId ?? ""];
  return JSON.stringify([name, kind, ...ids, linked, sorted, status, statusMessage]);
}

function sameSpans(live: readonly EndedSpan[], again: readonly EndedSpan[]): void {
  assert.equal(again.map(essence).sort(), live.map(essence).sort());
}

test("retries, dead letters and a failed batch are rebuilt as they were live", async () => {
  const live = useOwnSpans();
  await using o = await open();
  const channel = things("things", { retry: { backoffMs: 5, jitter: 0 } });
  const outputs = things("outputs");
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, async ({ payload, id, traceparent, channel: name, entryId }, { attempt, publish }) => {
        if (payload.n === 1 && attempt < 3) throw new Error(`not yet ${attempt}`);
        if (payload.n === 2) throw new PermanentError("never");
        await publish(outputs, { n: payload.n, key: "k" });
        await publish(outputs, { n: 10, key: "k" }, { causedBy: [{ id, traceparent, channel: name, entryId }] });
      }),
    ]),
  );
  const batches = await o.run(
    o.backbone.component("b", [
      on(outputs, { batch: { maxSize: 10, maxWaitMs: 50 } }, (events, { attempt }) => {
        if (events.length > 1 && attempt === 1) throw new Error("too many");
      }),
    ]),
  );
  for (const n of [1, 2, 3]) await o.backbone.publish(channel, { n, key: `k${n}` });
  await o.backbone.publishAll([4, 5].map((n) => ({ channel, payload: { n, key: "all" }, options: {} })));
  await component.whenIdle();
  await batches.whenIdle();
  const again = await rebuilt(o, [channel, outputs]);
  // The send span of a publishAll is in no log.
  const told = live.filter(({ name, kind, links }) => !(name === "send things" && kind === 2 && links.length === 2));
  assert.is(told.length, live.length - 1);
  const outcomes = new Set(told.flatMap(({ later }) => later.filter((value) => typeof value === "string")));
  for (const outcome of ["acked", "retried", "deadLettered"]) assert.ok(outcomes.has(outcome), outcome);
  sameSpans(told, again.spans);
  assert.equal(again.untold, { writes: 0, unnoted: 0, unowned: 0, trimmed: 0 });
  for (const { startMs, endMs } of again.spans) assert.ok(startMs <= endMs);
  // The stretches of a log add up: nothing is missing at their bounds, and nothing is in both.
  const bounds = again.spans.map(({ endMs }) => endMs).sort((x, y) => x - y);
  for (const share of [0.25, 0.5, 0.75]) {
    const cutMs = bounds[Math.floor(share * bounds.length)] ?? 0;
    const before = await rebuilt(o, [channel, outputs], 0, cutMs - 1);
    const after = await rebuilt(o, [channel, outputs], cutMs);
    sameSpans(told, [...before.spans, ...after.spans]);
  }
});

test("an output that is a little older in the log than its settlement is known to be of that", async () => {
  const live = useOwnSpans();
  await using o = await open();
  const [orders, reports, fills] = [things("orders"), things("reports"), things("fills")];
  const order = await o.backbone.publish(orders, { n: 1, key: "k" });
  const taker = await o.run(o.backbone.component("taker", [on(orders, () => undefined)]));
  const teller = await o.run(
    o.backbone.component("teller", [
      on(reports, async ({ payload }, { publish }) => void (await publish(fills, payload, { causedBy: [order] }))),
    ]),
  );
  await taker.whenIdle();
  await o.backbone.publish(reports, { n: 2, key: "k" });
  await teller.whenIdle();
  // A script that runs for some milliseconds gives its entries the times at which it comes to them: the settlement's is its last.
  const [fill] = await o.entries(fills);
  const outputMs = Number.parseInt(fill?.id ?? "", 10);
  const log = o.keys.settled(0, "teller");
  const [[, fields]] = (await o.client.xrange(log, "-", "+")) as [[string, string[]]];
  await o.client.del(log);
  await o.client.xadd(log, `${outputMs + 40}-0`, ...fields);
  const channels = [orders, reports, fills];
  const endMs = outputMs + 1_000;
  sameSpans(live, (await rebuilt(o, channels, 0, endMs)).spans);
  // Also where a stretch ends between the two.
  const before = await rebuilt(o, channels, 0, outputMs);
  const after = await rebuilt(o, channels, outputMs + 1, endMs);
  assert.ok(before.spans.some(({ name }) => name === "send fills"));
  assert.ok(after.spans.some(({ name }) => name === "process reports"));
  sameSpans(live, [...before.spans, ...after.spans]);
});

test("of a damaged log what can be told is told, and the rest is counted", async () => {
  const live = useOwnSpans();
  await using o = await open();
  const channel = things("things");
  const component = await o.run(o.backbone.component("c", [on(channel, () => undefined)]));
  const refs: EventRef[] = [];
  for (const n of [1, 2, 3]) refs.push(await o.backbone.publish(channel, { n, key: "k" }));
  await component.whenIdle();
  const stream = o.keys.stream(0, "things");
  await o.client.xadd(stream, "*", "payload", '{"n":4,"key":"k"}');
  const foreign = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  await o.client.xadd(stream, "*", "id", "f", "payload", '{"n":5,"key":"k"}', "traceparent", foreign);
  const causes = `gone ${foreign},${"x".repeat(20)}`;
  await o.client.xadd(stream, "*", "id", "g", "payload", '{"n":6,"key":"k"}', "causes", causes);
  await o.client.xadd(stream, "*", "nothing", "at all");
  await component.whenIdle();
  const log = o.keys.settled(0, "c");
  await o.client.xadd(log, "*", "calls", "things 1-0 99-9", "runs", "zz !!", "failed", "[{}]", "owner", "x");
  await o.client.xadd(log, "*", "rubbish", "x");
  await o.client.xdel(stream, refs[0]?.entryId ?? "");
  const again = await rebuilt(o, [channel]);
  // The spans of the first entry are gone with it.
  const kept = live.filter(
    ({ attributes, later }) => ![attributes["messaging.message.id"], ...later].includes(refs[0]?.entryId),
  );
  assert.ok(kept.length < live.length);
  sameSpans(kept, again.spans);
  assert.equal(again.untold, { writes: 1, unnoted: 1, unowned: 0, trimmed: 2 });
});

test("without a settlement log only sends are told, and the component is named", async () => {
  const live = useOwnSpans();
  await using o = await open();
  const channel = things("things");
  const component = await o.run(o.backbone.component("c", [on(channel, () => undefined)], { settlementLog: false }));
  await o.backbone.publish(channel, { n: 1, key: "k" });
  await component.whenIdle();
  const again = await rebuilt(o, [channel]);
  sameSpans(
    live.filter(({ name }) => name === "send things"),
    again.spans,
  );
  assert.equal(again.silent, ["c"]);
});

test("an attempt whose process was killed is a span of whoever takes over, and is rebuilt", async () => {
  const live = useOwnSpans();
  await using o = await open();
  const namespace = o.keys.meta().replace(/:meta$/, "");
  const [source, out] = [things("source", { retry: { backoffMs: 1, jitter: 0 } }), things("out")];
  const options = JSON.stringify({ hangOn: [1, 4] });
  await using killed = startProcess("test/fixtures/member.ts", [redisUrl(), namespace, options]);
  await killed.line("ready");
  // The second waits behind the first; the fourth lies after the position, and so is known once the group shows it.
  const refs: EventRef[] = [];
  for (const [n, key] of [
    [1, "a"],
    [2, "a"],
    [3, "b"],
    [4, "c"],
  ] as const)
    refs.push(await o.backbone.publish(source, { n, key }));
  await killed.line("handling 4");
  const stream = o.keys.stream(0, "source");
  await eventually(async () => Number(((await o.client.xpending(stream, "copier")) as [number])[0]) === 2);
  await eventually(async () => (await o.client.xlen(o.keys.settled(0, "copier"))) === 1);
  killed.kill();
  await killed.ended;
  const component = await o.run(
    o.backbone.component(
      "copier",
      [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
      { takeoverAfterMs: 500 },
    ),
  );
  await component.whenIdle();
  const again = await rebuilt(o, [source, out]);
  const lost = live.filter(({ later }) => later.includes("owner_lost"));
  const idsOf = (spans: readonly EndedSpan[]) => spans.map(({ attributes }) => attributes["messaging.message.id"]);
  assert.equal(idsOf(lost), [refs[0]?.entryId, refs[3]?.entryId]);
  for (const { status, own, later, statics, attributes } of lost) {
    assert.is(status, SpanStatusCode.ERROR);
    assert.ok(later.includes("THROUGHLINE_OWNER_LOST"));
    assert.is.not({ ...statics, ...attributes }["messaging.client.id"], undefined);
    const next = live.filter(({ links }) => links.some(({ context }) => context.spanId === own.spanId));
    assert.is(next.length, 1, "the next attempt links to it");
  }
  // What the killed process settled, it did without telemetry: only the log has it.
  const third = again.spans.filter(({ attributes }) => attributes["messaging.message.id"] === refs[2]?.entryId);
  assert.is(third.length, 1);
  sameSpans(
    live,
    again.spans.filter((span) => !third.includes(span)),
  );
});
