/** Composition root of republishing: runs of one namespace, from their request to their end. */

import { resolve } from "node:path";
import { ConfigError, FencedError, RecordingError, ReplayError } from "./errors.ts";
import type { LogEntry } from "./observe/read.ts";
import { resolveTls, type TlsOptions } from "./options.ts";
import type { Log, ReplaySpan, Tracing } from "./ports.ts";
import { Connection, parseRedisUrl } from "./redis/connections.ts";
import { RedisInspector } from "./redis/inspect.ts";
import { Keys } from "./redis/keys.ts";
import { namespaceUse, openForReplay } from "./redis/replay-namespace.ts";
import { RedisRunStore } from "./redis/replay-runs.ts";
import { RedisReplayTarget } from "./redis/replay-target.ts";
import { liveSource } from "./replay/live-source.ts";
import { Pace, type Speed } from "./replay/pacing.ts";
import { openRecording, type Recording } from "./replay/recording-reader.ts";
import { type Republished, republish } from "./replay/republish.ts";
import { type OpenedSource, type RepublishOptions, requestOf, targetChannels } from "./replay/request.ts";
import { beatEveryMs, type Run, type RunRequest, stateAt } from "./replay/runs.ts";
import { Selection } from "./replay/selection.ts";
import { capOf } from "./retention/policy.ts";
import { bullTelemetry } from "./schedule/bull-telemetry.ts";
import { ReplayQueue, ReplayWorker } from "./schedule/replay-queue.ts";
import { createTracing } from "./tracing/tracer.ts";

export interface ReplaysOptions {
  /** redis://, rediss:// or unix:// */
  readonly url: string;
  readonly tls?: TlsOptions | undefined;
  /** The namespace that is replayed. Nothing is written into it, unless it is named as the target as well. */
  readonly namespace: string;
  readonly log?: Log;
}

/** Channels of the live log, or a recording, of which `channels` may be some. */
export interface SourceOptions {
  /** Its path, or as it was opened. */
  readonly recording?: string | Recording | undefined;
  readonly channels?: readonly string[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly skipInvalid?: boolean | undefined;
  /** Told of each part of a damaged recording that is left out. */
  readonly onInvalid?: ((error: RecordingError) => void) | undefined;
}

export interface RunOptions {
  /** Ends the run early: it can be resumed. */
  readonly signal?: AbortSignal | undefined;
  /** Over the one that was asked for. */
  readonly speed?: Speed | undefined;
  /** Called with how many entries the run has appended in all. */
  readonly onProgress?: ((entries: number) => void) | undefined;
  /** Called for each entry that is no event, and is left out. */
  readonly onUnreadable?: ((entry: LogEntry) => void) | undefined;
}

export interface ReplayReport extends Republished {
  readonly run: string;
  readonly sourceNamespace: string;
  readonly namespace: string;
  /** The channels that were written to. */
  readonly channels: readonly string[];
  readonly state: "done" | "stopped" | "cancelled";
  /** How far behind its time an entry was at most, ms. */
  readonly maxLateMs: number;
  readonly durationMs: number;
}

/** What a replay would do. */
export interface Rehearsal {
  readonly request: RunRequest;
  /** What would be republished, by source channel. */
  readonly entries: ReadonlyMap<string, number>;
  readonly unreadable: number;
  /** Epoch ms of the first and the last append among them; 0 where there are none. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The runs that replay one namespace. */
export interface Replays extends AsyncDisposable {
  /** Opens and checks a source. A recording is read through. @throws {RecordingError} {ReplayError} {StoreError} */
  open(options: SourceOptions): Promise<OpenedSource>;
  /** Checks whether it can be done. Writes nothing. @throws {ConfigError} {ReplayError} */
  prepare(source: OpenedSource, options: RepublishOptions): Promise<RunRequest>;
  /** Reads what would be republished. Writes nothing. */
  rehearse(source: OpenedSource, request: RunRequest): Promise<Rehearsal>;
  /** Republishes. @throws {ReplayError} {FencedError} {StoreError}; what was republished stays, and the run can be resumed */
  start(source: OpenedSource, request: RunRequest, options?: RunOptions): Promise<ReplayReport>;
  /** Goes on with a run where it was interrupted. @throws as `start`, and {ReplayError} on a run that is not known */
  resume(run: string, options?: RunOptions): Promise<ReplayReport>;
  /** Leaves the run to a worker. */
  queue(request: RunRequest): Promise<void>;
  /** The latest first. */
  list(max?: number): Promise<readonly Run[]>;
  find(run: string): Promise<Run | undefined>;
  /** Ends a run within seconds, or keeps it from beginning. False: it has ended. @throws {ReplayError} on one that is not known */
  cancel(run: string): Promise<boolean>;
  /** Takes queued runs, one after the other, until the signal aborts; one that it is at then is handed back. */
  work(signal: AbortSignal, onRun?: (run: string, report: ReplayReport | Error) => void): Promise<void>;
}

/** A socket that owes a reply for this long is cut, ms. */
const silenceMs = 5_000;
/** How long the end of a run waits to be noted, ms. */
const notePatienceMs = 3_000;

export interface ReplayOptions extends SourceOptions, RepublishOptions, RunOptions {
  /** redis://, rediss:// or unix:// */
  readonly url: string;
  readonly tls?: TlsOptions | undefined;
  /** Where the channels are read, or whose run is resumed. Not needed with a recording, which says so itself. */
  readonly sourceNamespace?: string | undefined;
  /** Goes on with this run: everything but speed, signal and callbacks is then as it was asked for first. */
  readonly resume?: string | undefined;
  /** Told of the run before anything is written. */
  readonly onBegin?: ((request: RunRequest) => void) | undefined;
  readonly log?: Log;
}

/**
 * Republishes a recording, or channels of the live log, and resolves when the run has ended. Unless told otherwise it goes into a shadow of
 * the namespace, at the original pace.
 * @throws {ConfigError} on options that cannot be. @throws {RecordingError} on a recording that cannot be read
 * @throws {ReplayError} on a source or target that does not fit; nothing was written then, or the run can be resumed
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { url, tls, log, resume, skipInvalid = false, onInvalid } = options;
  const recording =
    typeof options.recording === "string"
      ? await openRecording(options.recording, { skipInvalid, ...(onInvalid === undefined ? {} : { onInvalid }) })
      : options.recording;
  const namespace = options.sourceNamespace ?? recording?.namespace;
  if (namespace === undefined) throw new ConfigError("a replay needs a sourceNamespace, or a recording");
  await using replays = openReplays({ url, tls, namespace, ...(log === undefined ? {} : { log }) });
  if (resume !== undefined) return await replays.resume(resume, options);
  const source = await replays.open({ ...options, recording });
  const request = await replays.prepare(source, options);
  options.onBegin?.(request);
  return await replays.start(source, request, options);
}

/** Connects at the first call. @throws {ConfigError} */
export function openReplays(options: ReplaysOptions): Replays {
  return new NamespaceReplays(options);
}

class NamespaceReplays implements Replays {
  readonly #url: string;
  readonly #tls: TlsOptions | undefined;
  readonly #namespace: string;
  readonly #log: Log;
  readonly #tracing: Tracing;
  readonly #connection: Connection;
  readonly #inspector: RedisInspector;
  readonly #store: RedisRunStore;
  #queue: ReplayQueue | undefined;

  constructor({ url, tls, namespace, log = silent }: ReplaysOptions) {
    this.#url = url;
    this.#tls = tls === undefined ? undefined : resolveTls(tls);
    this.#namespace = namespace;
    this.#log = log;
    this.#tracing = createTracing({ log });
    this.#connection = this.#open("replays");
    this.#inspector = this.#inspect(namespace);
    this.#store = new RedisRunStore(this.#connection, namespace);
  }

  async open({ recording, channels, from, to, skipInvalid = false, onInvalid }: SourceOptions): Promise<OpenedSource> {
    if (recording === undefined) {
      if (channels === undefined || channels.length === 0)
        throw new ConfigError("a replay needs a recording or channels");
      const source = await liveSource(this.#inspector, channels, { from, to });
      const described = { channels, from: source.from, to: source.to };
      return { source, described, partitions: source.partitions, channels, entries: source.entries };
    }
    const source =
      typeof recording === "string"
        ? await openRecording(recording, { skipInvalid, ...(onInvalid === undefined ? {} : { onInvalid }) })
        : recording;
    const { header, entries, path } = source;
    if (header.namespace !== this.#namespace) {
      throw new ReplayError(`${path} is a recording of namespace "${header.namespace}", not of "${this.#namespace}"`);
    }
    const unknown = channels?.find((channel) => !header.channels.includes(channel));
    if (unknown !== undefined) {
      throw new ReplayError(`${path} has no channel "${unknown}": it has ${header.channels.join(", ")}`);
    }
    const described = { recording: resolve(path), recordedAt: header.recordedAt, entries };
    return { source, described, partitions: header.partitions, channels: channels ?? header.channels, entries };
  }

  async prepare(opened: OpenedSource, options: RepublishOptions): Promise<RunRequest> {
    const request = requestOf(opened, options, await this.#store.now());
    const { namespace, partitions, sourceNamespace, live, into } = request;
    const keys = new Keys(namespace);
    const channels = targetChannels(request);
    const use = await namespaceUse(this.#connection, keys, channels);
    if ((use === "live" || namespace === sourceNamespace) && !live) {
      throw new ReplayError(
        `namespace "${namespace}" is live: its components would take what is republished for real. ` +
          "Leave the namespace out to replay into a shadow, or say that live is meant",
      );
    }
    await using inspector = this.#inspect(namespace);
    const catalogue = await inspector.catalogue();
    if (catalogue !== undefined && catalogue.partitions !== partitions) {
      throw new ReplayError(
        `the entries of namespace "${sourceNamespace}" lie in ${partitions} partitions, and namespace "${namespace}" has ` +
          `${catalogue.partitions}: their order and their components' state would be lost. Choose another namespace`,
      );
    }
    const unknown = channels.find((channel) => catalogue?.channels.includes(channel) !== true);
    if (use === "live" && unknown !== undefined) {
      const known = catalogue?.channels.join(", ") || "none";
      throw new ReplayError(`there is no channel "${unknown}" in namespace "${namespace}", which has ${known}`);
    }
    if (namespace === sourceNamespace && into === undefined) {
      this.#log.warn({ namespace }, "the events go into the channels that they were read from");
    }
    return request;
  }

  async rehearse({ source }: OpenedSource, request: RunRequest): Promise<Rehearsal> {
    const selection = new Selection(request);
    const entries = new Map<string, number>();
    let unreadable = 0;
    let [firstAt, lastAt] = [0, 0];
    for await (const line of source.lines()) {
      if (line.kind !== "entry") continue;
      const { channel, entryId, envelope } = line.entry;
      const selected = selection.take(line.entry);
      if (selected === "end") break;
      if (selected === "left") continue;
      if (envelope === undefined || ("bytes" in line && line.bytes !== undefined)) {
        unreadable++;
        continue;
      }
      entries.set(channel, (entries.get(channel) ?? 0) + 1);
      lastAt = Number.parseInt(entryId, 10);
      firstAt ||= lastAt;
    }
    return { request, entries, unreadable, firstAt, lastAt };
  }

  async start(source: OpenedSource, request: RunRequest, options: RunOptions = {}): Promise<ReplayReport> {
    await this.#store.create(request, "running");
    return this.#run(source, request, options);
  }

  async resume(run: string, options: RunOptions = {}): Promise<ReplayReport> {
    const found = await this.#store.find(run);
    if (found === undefined) {
      throw new ReplayError(
        `there is no run ${run} of namespace "${this.#namespace}": \`throughline replays\` lists them`,
      );
    }
    const { request } = found;
    let source: OpenedSource;
    try {
      source = await this.#reopen(request);
    } catch (error) {
      if (error instanceof ReplayError || error instanceof RecordingError) {
        await this.#note(this.#store.end(run, "failed", found, error.message));
      }
      throw error;
    }
    return this.#run(source, request, options);
  }

  async queue(request: RunRequest): Promise<void> {
    await this.#store.create(request, "queued");
    await this.#openQueue().add(request.run);
  }

  async list(max = 100): Promise<readonly Run[]> {
    const [runs, now] = await Promise.all([this.#store.list(max), this.#store.now()]);
    return runs.map((run) => ({ ...run, state: stateAt(run, now) }));
  }

  async find(run: string): Promise<Run | undefined> {
    const [found, now] = await Promise.all([this.#store.find(run), this.#store.now()]);
    return found === undefined ? undefined : { ...found, state: stateAt(found, now) };
  }

  async cancel(run: string): Promise<boolean> {
    const isCancelled = await this.#store.cancel(run);
    if (isCancelled) await this.#openQueue().remove(run);
    return isCancelled;
  }

  async work(
    signal: AbortSignal,
    onRun: (run: string, report: ReplayReport | Error) => void = () => {},
  ): Promise<void> {
    await using worker = new ReplayWorker({
      ...this.#bull(),
      signal,
      perform: async (run) => {
        const found = await this.#store.find(run);
        if (found === undefined || found.state === "cancelled" || found.state === "done") return "done";
        try {
          const report = await this.resume(run, { signal });
          onRun(run, report);
          return report.state === "stopped" ? "again" : "done";
        } catch (error) {
          onRun(run, error instanceof Error ? error : new Error(String(error)));
          // What is wrong with the request or its source is wrong the next time, too. A server that is away comes back.
          if (isFinal(error)) return "done";
          throw error;
        }
      },
    });
    await worker.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue?.close();
    this.#connection.close();
    await this.#inspector[Symbol.asyncDispose]();
  }

  /** The source of a run, as it was. @throws as `open` */
  async #reopen({ run, source: described, channels, skipInvalid }: RunRequest): Promise<OpenedSource> {
    if (!("recording" in described)) return this.open(described);
    const source = await this.open({ recording: described.recording, channels, skipInvalid });
    const now = source.described;
    if (!("recording" in now) || now.recordedAt !== described.recordedAt || now.entries !== described.entries) {
      throw new ReplayError(`${described.recording} is no longer the recording with which run ${run} began`);
    }
    return source;
  }

  async #run({ source }: OpenedSource, request: RunRequest, options: RunOptions): Promise<ReplayReport> {
    const { run, sourceNamespace, namespace, partitions, channels, into, live } = request;
    const startedAt = performance.now();
    const keys = new Keys(namespace);
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const pace = new Pace(options.speed ?? request.speed);
    const written = targetChannels(request);
    const connection = this.#open(`replay:${run}`);
    const span = this.#tracing.replay({ runId: run, channels });
    const counts = { entries: 0, unreadable: 0 };
    let isCancelled = false;
    const beat = (): void => {
      this.#store.beat(run, counts.entries).then(
        (cancelled) => {
          isCancelled ||= cancelled;
          if (cancelled) stop.abort();
        },
        () => undefined, // whoever looks sees that it is silent
      );
    };
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.#store.begin(run);
      timer = setInterval(beat, beatEveryMs);
      await openForReplay(connection, keys, {
        partitions,
        shadowOf: live ? undefined : `${sourceNamespace} ${run}`,
        channels: written,
        signal,
      });
      const target = new RedisReplayTarget(connection, { keys, run, partitions, caps: await this.#caps(namespace) });
      const republished = await republish({
        run,
        source,
        selection: request,
        into,
        target,
        pace,
        span,
        signal,
        onProgress: (entries) => {
          counts.entries = entries;
          options.onProgress?.(entries);
        },
        onUnreadable: (entry) => {
          counts.unreadable++;
          options.onUnreadable?.(entry);
        },
      });
      return await this.#ended(request, span, pace, startedAt, republished, isCancelled);
    } catch (error) {
      if (signal.aborted && error === signal.reason) {
        // Redis was away when the end was asked for: nothing was republished by this call.
        const nothing = { ...counts, appended: 0, complete: false };
        return await this.#ended(request, span, pace, startedAt, nothing, isCancelled);
      }
      span.ended(counts.entries, error);
      const text = error instanceof Error ? error.message : String(error);
      // Whoever has taken it over says how it stands.
      if (!(error instanceof FencedError)) await this.#note(this.#store.end(run, "failed", counts, text));
      throw error;
    } finally {
      clearInterval(timer);
      connection.close();
    }
  }

  async #ended(
    request: RunRequest,
    span: ReplaySpan,
    pace: Pace,
    startedAt: number,
    republished: Republished,
    isCancelled: boolean,
  ): Promise<ReplayReport> {
    const { run, sourceNamespace, namespace } = request;
    span.ended(republished.appended);
    const state = republished.complete ? "done" : isCancelled ? "cancelled" : "stopped";
    await this.#note(this.#store.end(run, state, republished));
    const channels = targetChannels(request);
    const durationMs = performance.now() - startedAt;
    return { ...republished, run, sourceNamespace, namespace, channels, state, durationMs, maxLateMs: pace.maxLateMs };
  }

  /** Not for longer than a person waits: a run that could not say how it ended is one that was interrupted. */
  async #note(noting: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, notePatienceMs);
    await Promise.race([noting.catch(() => undefined), late.promise]);
    clearTimeout(timer);
  }

  async #caps(namespace: string): Promise<ReadonlyMap<string, number>> {
    await using inspector = this.#inspect(namespace);
    const retentions = (await inspector.catalogue())?.retention ?? new Map();
    return new Map([...retentions].flatMap(([channel, one]) => (one.hardCap === 0 ? [] : [[channel, capOf(one)]])));
  }

  #inspect(namespace: string): RedisInspector {
    return new RedisInspector({
      url: this.#url,
      tls: this.#tls,
      namespace,
      log: this.#log,
      quietly: (run) => this.#tracing.quietly(run),
    });
  }

  #open(purpose: string): Connection {
    return new Connection({
      url: this.#url,
      tls: this.#tls,
      log: this.#log,
      silenceMs,
      purpose,
      quietly: (run) => this.#tracing.quietly(run),
    });
  }

  #openQueue(): ReplayQueue {
    this.#queue ??= new ReplayQueue(this.#bull());
    return this.#queue;
  }

  #bull() {
    return {
      connection: { ...parseRedisUrl(this.#url, this.#tls), maxRetriesPerRequest: null },
      prefix: this.#store.bullPrefix,
      log: this.#log,
      telemetry: bullTelemetry({ redisSpans: false }),
    } as const;
  }
}

/** Whether trying again would fail again. */
function isFinal(error: unknown): boolean {
  return [ReplayError, RecordingError, ConfigError, FencedError].some((kind) => error instanceof kind);
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
