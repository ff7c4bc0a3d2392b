/** The request for a replay: its options, its checks, the run's id and its target. */

import { ConfigError, ReplayError } from "../../model/errors.ts";
import { isName, isNamespace } from "../../model/names.ts";
import { randomHex } from "../../model/random-hex.ts";
import type { Speed } from "../../model/speed.ts";
import type { RunRequest, RunSource } from "../../ports/replay-runs.ts";
import { factorOf } from "../source/pacing.ts";
import { Selection } from "../source/selection.ts";
import type { ReplaySource } from "../source/source.ts";

/** The selection and the target of a replay. */
export interface RepublishOptions {
  /** The target namespace. Default: a shadow of the source's namespace, for this run alone. */
  readonly namespace?: string | undefined;
  /** The target channel, for a source of one channel. Default: the channel of the same name. */
  readonly into?: string | undefined;
  /** Allows a target namespace that other programs than replays use. Its components handle the republished events for real. */
  readonly live?: boolean | undefined;
  /** First entry id, included; `(` before the id excludes it. A time in epoch ms is accepted too. */
  readonly from?: string | undefined;
  /** Last entry id, included, or a time in epoch ms. */
  readonly to?: string | undefined;
  /** An attribute that entries must have: `name=value`, or `payload.<path>=value`. */
  readonly where?: string | undefined;
  /** Most entries, the first ones. */
  readonly limit?: number | undefined;
  /** Pace of the replay. Default `original`. */
  readonly speed?: Speed | undefined;
  /** Leaves out entries that are no events, and reads the intact parts of a damaged recording. */
  readonly skipInvalid?: boolean | undefined;
  /** The run's id, from which the ids of its events are derived. Default: a new id. */
  readonly run?: string | undefined;
}

/** A source as it was opened. */
export interface OpenedSource {
  readonly source: ReplaySource;
  readonly described: RunSource;
  readonly partitions: number;
  /** The channels to republish. */
  readonly channels: readonly string[];
}

/** Checks the options. @throws {ConfigError} on invalid options. @throws {ReplayError} on options that do not fit the source */
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
  if (into !== undefined && !isName(into)) throw new ConfigError(`"${into}" is no name of a channel`);
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

function newRunId(now: number): string {
  return `r-${now.toString(36)}-${randomHex(3)}`;
}

/** The name of a run's shadow: never the source's own name, and no longer than a namespace may be. */
function shadowOf(namespace: string, run: string): string {
  const tail = `-replay-${run}`;
  return `${namespace.slice(0, 64 - tail.length)}${tail}`;
}
