/** Spans made again from a namespace's log by the command line, and how they differ from others. */

import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { Collector } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";

export interface Rebuilt {
  readonly spans: readonly WireSpan[];
  readonly out: Readonly<Record<string, unknown>>;
}

/** Runs `throughline spans` to a Collector of its own. */
export async function rebuild(namespace: string, ...args: readonly string[]): Promise<Rebuilt> {
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
export function differences(live: readonly WireSpan[], rebuilt: readonly WireSpan[]): readonly string[] {
  const [left, right] = [countsOf(live), countsOf(rebuilt)];
  const missing = [...left].filter(([key, times]) => right.get(key) !== times).map(([key]) => `live    ${key}`);
  const extra = [...right].filter(([key, times]) => left.get(key) !== times).map(([key]) => `rebuilt ${key}`);
  return [...missing, ...extra].sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1)).slice(0, 6);
}
