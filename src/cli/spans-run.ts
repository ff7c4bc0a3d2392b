/** Runs `throughline spans`: from the log to the Collector, with a progress on standard error and a summary at the end. */

import { serverOf } from "../composition/connect-backbone.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { searchLog } from "../inspect/search/search.ts";
import type { Channel } from "../model/channel.ts";
import { timeOf } from "../model/envelope.ts";
import { serversGiven } from "../model/servers-given.ts";
import type { Inspector } from "../ports/inspect.ts";
import { topologyOf } from "../redis/client/topology.ts";
import { behindMs, type Rebuilt, rebuildSpans, type TakeSpan } from "../telemetry/rebuild/rebuild-spans.ts";
import { ServiceExporters } from "../telemetry/rebuild/service-exporters.ts";
import { type StoryOutcome, StorySelector } from "../telemetry/rebuild/story-selector.ts";
import { rootRatioOf } from "../telemetry/setup/sampler.ts";
import { readSettings } from "../telemetry/setup/settings.ts";
import { type CommonOptions, stderrLog } from "./common.ts";
import { openCountProgress } from "./count-progress.ts";
import { print, say } from "./output.ts";
import { surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

/** The options of both commands, as they were given. */
export interface SpansOptions extends CommonOptions {
  readonly from?: string;
  readonly to?: string;
  readonly channels?: string;
  readonly publisher: string;
  readonly outcome?: readonly string[];
  readonly slow: number;
  readonly rejected: readonly string[];
  readonly rest: number;
  readonly dryRun?: true;
  /** Of `follow` alone, ms. */
  readonly quiet?: number;
  readonly outside?: true;
}

/** How long a Collector may take no spans, ms. */
const patienceMs = 60_000;
/** Most traces that a query may find. */
const maxTraces = 100_000;
/** A story is over when nothing of it has happened for so long, ms. */
const quietMs = 60_000;
const maxHeld = 500_000;
/** A follower begins so long before now, ms. */
const followedMs = 60_000;

export async function runSpans(
  inspector: Inspector,
  channels: readonly Channel<unknown>[],
  options: SpansOptions,
  query: string | undefined,
): Promise<void> {
  const { json, dryRun, outcome } = options;
  if (dryRun !== true) requireCollector();
  const signal = surroundings().stopSignal();
  const nowMs = await inspector.now();
  const follow = options.quiet !== undefined;
  const earliestMs = async (): Promise<number> => (follow ? nowMs - followedMs : await oldestMs(inspector));
  const fromMs = options.from === undefined ? await earliestMs() : Number.parseInt(options.from, 10);
  const toMs = options.to === undefined ? nowMs - (follow ? behindMs : 0) : Number.parseInt(options.to, 10);
  const wanted = query === undefined ? undefined : await tracesOf(inspector, query, signal);
  if (wanted?.size === 0) {
    say(`No sampled event matches ${query}.`);
    surroundings().exitCode = 1;
    return;
  }
  // A follower waits for its Collector: meanwhile the log holds what it would have to.
  const patience = follow ? Number.POSITIVE_INFINITY : patienceMs;
  const exporters = new ServiceExporters({ log: stderrLog, patienceMs: patience, signal });
  let spans = 0;
  const send: TakeSpan = (span, service) => {
    spans++;
    if (dryRun !== true) exporters.add(service, span);
  };
  const late = new Map<string, number>();
  const selector = outcome === undefined && !follow ? undefined : selectorOf(options, send, late);
  const select = selector?.take ?? send;
  const take: TakeSpan = (span, service) => {
    const isWanted =
      wanted === undefined ||
      wanted.has(span.own.traceId) ||
      (span.parent === undefined && span.links.some(({ context }) => wanted.has(context.traceId)));
    if (isWanted) select(span, service);
  };
  const common = {
    inspector,
    channels,
    server: serverGiven(options),
    log: stderrLog,
    publisher: options.publisher,
    ratio: rootRatioOf(process.env["OTEL_TRACES_SAMPLER"], process.env["OTEL_TRACES_SAMPLER_ARG"]) ?? 1,
    outside: options.outside === true,
    signal,
  };
  /** What was left out of stories that are wanted after all. */
  const fetchLate = async (untilMs: number): Promise<void> => {
    if (late.size === 0) return;
    const traces = new Set(late.keys());
    const sinceMs = [...late.values()].reduce((least, one) => Math.min(least, one));
    late.clear();
    const isOf = (traceId: string): boolean => traces.has(traceId);
    await rebuildSpans({
      ...common,
      fromMs: sinceMs,
      toMs: untilMs,
      wants: isOf,
      take: (span, service) => {
        if (isOf(span.own.traceId)) send(span, service);
      },
      onWindow: () => exporters.keepUp(),
    });
  };
  const progress = openCountProgress(surroundings().stderr, "spans");
  try {
    const rebuilt = await rebuildSpans({
      ...common,
      fromMs,
      toMs,
      follow,
      take,
      ...(wanted && { wants: (traceId) => wanted.has(traceId) }),
      onWindow: async (window) => {
        selector?.decide(window.toMs);
        await fetchLate(window.toMs);
        await exporters.keepUp();
        progress.show(spans, follow ? undefined : (window.toMs - fromMs) / Math.max(1, toMs - fromMs));
      },
    });
    selector?.decide(Number.POSITIVE_INFINITY);
    await exporters.delivered();
    progress[Symbol.dispose]();
    await tell(rebuilt, { spans, json: json === true, dryRun: dryRun === true, selector });
    if (follow) return;
    if (signal.aborted) say("Interrupted: what is missing comes with the next run.");
    if (spans === 0 || signal.aborted) surroundings().exitCode = 1;
  } finally {
    progress[Symbol.dispose]();
    await exporters.close();
  }
}

/** @throws {UsageError} */
function requireCollector(): void {
  const settings = readSettings(process.env);
  const isOurs =
    typeof settings === "object" && settings.traceExporters.includes("otlp") && settings.traceProtocol === "grpc";
  if (!isOurs)
    throw new UsageError(
      "to which Collector? Set OTEL_EXPORTER_OTLP_ENDPOINT, for OTLP over gRPC; or count with --dry-run",
    );
}

function serverGiven(options: SpansOptions): { readonly address: string; readonly port?: number } {
  const tls = tlsFromEnv(surroundings().env);
  return serverOf(topologyOf(serversGiven(options), tls)).server;
}

/** The traces of the events that a query finds; a story has the trace of its root. @throws {UsageError} on too many */
async function tracesOf(inspector: Inspector, query: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const traces = new Set<string>();
  for await (const { envelope } of searchLog(inspector, query, { signal })) {
    const { traceparent = "" } = envelope ?? {};
    if (traceparent !== "") traces.add(traceparent.slice(3, 35));
    if (traces.size > maxTraces)
      throw new UsageError(`more than ${maxTraces} stories match: rebuild a stretch of time`);
  }
  return traces;
}

/** @throws {UsageError} */
function selectorOf(
  { outcome, slow, rejected, rest, quiet = quietMs }: SpansOptions,
  take: TakeSpan,
  late: Map<string, number>,
): StorySelector {
  const all = rejected.length === 0 ? ["slow", "failed", "retried"] : ["slow", "failed", "retried", "rejected"];
  const outcomes = new Set((outcome ?? all) as readonly StoryOutcome[]);
  if (outcomes.has("rejected") && rejected.length === 0)
    throw new UsageError("what is a rejected story? Give --rejected, such as --rejected event.type=reject");
  return new StorySelector({
    outcomes,
    slowMs: slow,
    rejectedBy: rejected,
    ratio: rest,
    quietMs: quiet,
    maxHeld,
    onLate: (traceId, sinceMs) => void late.set(traceId, sinceMs),
    take,
  });
}

async function oldestMs(inspector: Inspector): Promise<number> {
  const { channels = [], partitions = 1 } = (await inspector.catalogue()) ?? {};
  const firsts: number[] = [];
  for (const channel of channels) {
    for (let partition = 0; partition < partitions; partition++) {
      const [first] = await inspector.page({ channel, partition }, { from: "-", to: "+", reverse: false }, 1);
      if (first !== undefined) firsts.push(timeOf(first.entryId));
    }
  }
  return firsts.reduce((least, one) => Math.min(least, one), await inspector.now());
}

interface Told {
  readonly spans: number;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly selector: StorySelector | undefined;
}

async function tell({ untold, silent }: Rebuilt, { spans, json, dryRun, selector }: Told): Promise<void> {
  const stories = selector === undefined ? {} : { kept: selector.kept, left: selector.left };
  if (json) await print(JSON.stringify({ spans, exported: !dryRun, ...stories, untold, silent }));
  else await print(`${spans.toLocaleString("en-US")} spans${dryRun ? ", none of them exported" : " exported"}.`);
  if (!json && selector !== undefined) await print(`${selector.kept} stories kept, ${selector.left} left.`);
  const { writes, unnoted, unowned, trimmed } = untold;
  if (writes > 0)
    say(
      `${writes} entries without their send span: its parent is not in the log, or its id was drawn (not by throughline/telemetry).`,
    );
  if (unnoted > 0)
    say(`${unnoted} handler calls not told: an earlier version settled them, and did not note how they ran.`);
  if (unowned > 0) say(`${unowned} handler calls not told: the settlement log does not reach back to who ran them.`);
  if (trimmed > 0) say(`${trimmed} handler calls not told: an entry of theirs is no longer in the log.`);
  for (const component of silent)
    say(`"${component}" has settled nothing then, or keeps no settlement log: its spans are missing here.`);
}
