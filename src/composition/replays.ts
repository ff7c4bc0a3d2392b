/** The composition root of republishing: the runs of one namespace, with Redis, BullMQ and tracing behind them. */

import { ConfigError } from "../model/errors.ts";
import { ResourceStack } from "../model/resource-stack.ts";
import type { ServersPlace } from "../model/servers.ts";
import { resolveTls, type TlsOptions } from "../model/tls-options.ts";
import { type Log, silentLog } from "../ports/log.ts";
import type { RunRequest } from "../ports/replay-runs.ts";
import type { Quietly } from "../ports/tracing.ts";
import { nodeClientOptions } from "../redis/client/client-options.ts";
import { Connection } from "../redis/client/connection.ts";
import { topologyOf } from "../redis/client/topology.ts";
import { RedisInspector } from "../redis/inspect/inspector.ts";
import { RedisRunStore, runKeys } from "../redis/replay/replay-runs.ts";
import { RedisTargetSpace } from "../redis/replay/replay-space.ts";
import { openRecording } from "../replay/recording/recording-reader.ts";
import { NamespaceReplays, type Replays } from "../replay/republish/namespace-replays.ts";
import type { ReplayReport, RunOptions } from "../replay/republish/perform-run.ts";
import type { RepublishOptions } from "../replay/republish/request.ts";
import type { SourceOptions } from "../replay/source/open-source.ts";
import { bullTelemetry } from "../schedule/bull-telemetry.ts";
import { BullRunQueue } from "../schedule/replay-queue.ts";
import { createTracing } from "../tracing/tracer.ts";
import { silenceMs } from "./connection.ts";

export interface ReplaysOptions extends ServersPlace {
  readonly tls?: TlsOptions | undefined;
  /** The namespace that is replayed. Nothing is written into it, unless it is also named as the target. */
  readonly namespace: string;
  readonly log?: Log;
}

export interface ReplayOptions extends ServersPlace, SourceOptions, RepublishOptions, RunOptions {
  readonly tls?: TlsOptions | undefined;
  /** The namespace whose channels are read, or whose run is resumed. A recording names its own. */
  readonly sourceNamespace?: string | undefined;
  /** The id of a run to go on with. All options but speed, signal and callbacks are then those of the first request. */
  readonly resume?: string | undefined;
  /** Called with the run's request before anything is written. */
  readonly onBegin?: ((request: RunRequest) => void) | undefined;
  readonly log?: Log;
}

/**
 * Republishes a recording, or channels of the live log, and resolves when the run has ended. The default target is a
 * shadow of the namespace, the default speed the original pace.
 * @throws {ConfigError} on options that cannot be.
 * @throws {RecordingError} on a recording that cannot be read, or has an entry that is no event
 * @throws {ReplayError} on a source or target that does not fit; nothing was written then, or the run can be resumed
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { url, cluster, sentinel, tls, log, resume, signal, skipInvalid = false, onInvalid, maxLineBytes } = options;
  const recording =
    typeof options.recording === "string"
      ? await openRecording(options.recording, {
          skipInvalid,
          maxLineBytes,
          ...(onInvalid === undefined ? {} : { onInvalid }),
        })
      : options.recording;
  const namespace = options.sourceNamespace ?? recording?.namespace;
  if (namespace === undefined) throw new ConfigError("a replay needs a sourceNamespace, or a recording");
  await using replays = openReplays({ url, cluster, sentinel, tls, namespace, ...(log === undefined ? {} : { log }) });
  if (resume !== undefined) return await replays.resume(resume, options);
  const source = await replays.open({ ...options, recording });
  const request = await replays.prepare(source, options, signal);
  options.onBegin?.(request);
  return await replays.start(source, request, options);
}

/** Opens the runs of a namespace. Connects at the first call. @throws {ConfigError} */
export function openReplays(options: ReplaysOptions): Replays {
  const { url, cluster, sentinel, tls, namespace, log = silentLog } = options;
  const tracing = createTracing({ log });
  const quietly: Quietly = (run) => tracing.quietly(run);
  const topology = topologyOf({ url, cluster, sentinel }, tls === undefined ? undefined : resolveTls(tls));
  const redis = { topology, log, quietly };
  const resources = new ResourceStack();
  const inspector = resources.use(new RedisInspector({ ...redis, namespace }));
  const { prefix, key } = runKeys(namespace);
  const connection = new Connection({ ...redis, key, silenceMs, purpose: "replays" });
  resources.defer(() => connection.close());
  const store = new RedisRunStore(connection, namespace);
  const queue = resources.use(
    new BullRunQueue({
      connection: { ...nodeClientOptions(topology, prefix), maxRetriesPerRequest: null },
      prefix,
      log,
      telemetry: bullTelemetry({ redisSpans: false }),
    }),
  );
  const openSpace = (target: string, purpose: string) =>
    new RedisTargetSpace({ ...redis, namespace: target, silenceMs, purpose });
  return new NamespaceReplays({ inspector, store, queue, tracing, openSpace, log, resources });
}
