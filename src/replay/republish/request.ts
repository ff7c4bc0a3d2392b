/** What a replay can be asked for, and what becomes of it: a run's id, its target, and what is refused. */

import { ConfigError, ReplayError } from "../../model/errors.ts";
import { isNamespace } from "../../model/namespace-name.ts";
import { randomHex } from "../../model/random-hex.ts";
import type { Speed } from "../../model/speed.ts";
import type { RunRequest, RunSource } from "../../ports/replay-runs.ts";
import { factorOf } from "../source/pacing.ts";
import { Selection } from "../source/selection.ts";
import type { ReplaySource } from "../source/source.ts";

/** What is replayed, and where to. */
export interface RepublishOptions {
  /** Republishes into this namespace. Default: a shadow of the source's namespace, of this run alone. */
  readonly namespace?: string | undefined;
  /** Republishes into this channel. For a source of one channel; default: the channel of the same name. */
  readonly into?: string | undefined;
  /** Allows a namespace that something else than a replay uses. Its components take what is republished for real. */
  readonly live?: boolean | undefined;
  /** First entry id, included; `(` before it leaves it out. A time in epoch ms will do. */
  readonly from?: string | undefined;
  /** Last entry id, included, or a time in epoch ms. */
  readonly to?: string | undefined;
  /** Only entries with this attribute: `name=value`, or `payload.<path>=value`. */
  readonly where?: string | undefined;
  /** Only the first so many of these. */
  readonly limit?: number | undefined;
  /** Default `original`. */
  readonly speed?: Speed | undefined;
  /** Leaves entries out that are no events, and takes what can be read of a damaged recording. */
  readonly skipInvalid?: boolean | undefined;
  /** The run's id, from which those of its events are derived. Default: a new one. */
  readonly run?: string | undefined;
}

/** A source as it was opened. */
export interface OpenedSource {
  readonly source: ReplaySource;
  readonly described: RunSource;
  readonly partitions: number;
  /** The channels that are wanted of it. */
  readonly channels: readonly string[];
}

/** @throws {ConfigError} on options that cannot be. @throws {ReplayError} on ones that do not fit the source */
export function requestOf(
  { source, described, partitions, channels }: OpenedSource,
  options: RepublishOptions,
  createdAt: number,
): RunRequest {
  const { into, from, to, where, limit, speed = "original", run = newRunId(createdAt) } = options;
  factorOf(speed);
  new Selection({ from, to, where, limit });
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new ConfigError(`limit is ${limit}; it must be a whole number from 0`);
  }
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(run)) {
    throw new ConfigError(`"${run}" is no run id: it takes 1 to 32 of a-z, 0-9 and "-", beginning with a letter`);
  }
  if (into !== undefined && channels.length !== 1) {
    throw new ReplayError(
      `the source has ${channels.length} channels (${channels.join(", ")}), which cannot all go into "${into}": choose one of them`,
    );
  }
  if (into !== undefined && !isChannelName(into)) throw new ConfigError(`"${into}" is no name of a channel`);
  const namespace = options.namespace ?? shadowOf(source.namespace, run);
  if (!isNamespace(namespace)) {
    throw new ConfigError(`"${namespace}" is no namespace: it takes 1 to 64 of a-z, 0-9, ".", "_" and "-"`);
  }
  return {
    run,
    sourceNamespace: source.namespace,
    source: described,
    namespace,
    ...(into === undefined ? {} : { into }),
    channels,
    partitions,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(where === undefined ? {} : { where }),
    ...(limit === undefined ? {} : { limit }),
    speed,
    skipInvalid: options.skipInvalid ?? false,
    live: options.live ?? false,
    createdAt,
  };
}

/** The channels that a run writes to. */
export function targetChannels({ into, channels }: Pick<RunRequest, "into" | "channels">): readonly string[] {
  return into === undefined ? channels : [into];
}

export function isChannelName(text: string): boolean {
  return /^[a-z][a-z0-9._-]{0,127}$/.test(text);
}

function newRunId(now: number): string {
  return `r-${now.toString(36)}-${randomHex(3)}`;
}

/** Never the source's own name. As long as a namespace may be. */
function shadowOf(namespace: string, run: string): string {
  const tail = `-replay-${run}`;
  return `${namespace.slice(0, 64 - tail.length)}${tail}`;
}
