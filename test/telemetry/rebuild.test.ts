/**
 * `throughline spans rebuild`: the log alone gives the same spans as the processes exported live. `STORY_ORDERS` names another file of orders,
 * and `STORY_COUNT` how many of it.
 */

import { join } from "node:path";
import * as assert from "uvu/assert";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";
import { runStories } from "./story-run.ts";

const file = process.env["STORY_ORDERS"] ?? join(import.meta.dirname, "../../trading/domain/sample/orders.ndjson");
const count = Number(process.env["STORY_COUNT"] ?? 300);

interface Rebuilt {
  readonly spans: readonly WireSpan[];
  readonly out: Readonly<Record<string, unknown>>;
}

async function rebuild(namespace: string, ...args: readonly string[]): Promise<Rebuilt> {
  await using collector = await Collector.start();
  const given = ["--url", redisUrl(), "--namespace", namespace, "--json", "spans", ...args];
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  await using cli = startProcess("trading/pipeline/throughline.ts", given, { env });
  await cli.ended;
  await collector.become("accept");
  if (cli.stderr().includes("Error")) throw new Error(cli.stderr());
  return { spans: collector.spans, out: JSON.parse(cli.stdout()) };
}

/** All that has to be the same: everything but times, resource and the exceptions of errors. */
function essence({
  traceId,
  spanId,
  parentSpanId,
  name,
  kind,
  links,
  attributes,
  status,
  statusMessage,
}: WireSpan): string {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const linked = links.map((link) => `${link.traceId}/${link.spanId}`).sort();
  return JSON.stringify({ traceId, spanId, parentSpanId, name, kind, linked, sorted, status, statusMessage });
}

function countsOf(spans: readonly WireSpan[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const span of spans) counts.set(essence(span), (counts.get(essence(span)) ?? 0) + 1);
  return counts;
}

/** The first few that only one side has. */
function differences(live: readonly WireSpan[], rebuilt: readonly WireSpan[]): readonly string[] {
  const [left, right] = [countsOf(live), countsOf(rebuilt)];
  const missing = [...left].filter(([key, times]) => right.get(key) !== times).map(([key]) => `live    ${key}`);
  const extra = [...right].filter(([key, times]) => left.get(key) !== times).map(([key]) => `rebuilt ${key}`);
  return [...missing, ...extra].sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1)).slice(0, 6);
}

test(
  `spans of ${count} orders rebuilt from the log are those that were exported live, and so they are a second time`,
  async () => {
    const run = await runStories(file, count, 1);
    const { spans, out } = await rebuild(run.namespace, "rebuild");
    process.stdout.write(`live ${run.spans.length}, rebuilt ${spans.length}: ${JSON.stringify(out)}\n`);
    assert.equal(differences(run.spans, spans), []);
    assert.is(spans.length, run.spans.length);
    const again = await rebuild(run.namespace, "heal", "--from", "-1d");
    assert.equal(differences(spans, again.spans), []);
  },
  { timeoutMs: 570_000 },
);
