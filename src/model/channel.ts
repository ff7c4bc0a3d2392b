/** `defineChannel`: a typed name for a stream, with the rules for its events. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { messageOf } from "./error-message.ts";
import { ChannelError, PayloadError, type PayloadIssue } from "./errors.ts";
import { isName } from "./names.ts";
import { capOf, type Retention, type RetentionPolicy, resolveRetention } from "./retention-policy.ts";
import { resolveVersions, type Upcasters, type Versioned } from "./schema-version.ts";
import { illFormed } from "./well-formed-text.ts";

/** The value of a correlation attribute; a list where one event concerns several orders or users. */
export type CorrelationValue = string | number | boolean | readonly string[];

/** Attributes that every span of an event's journey carries, such as `payment.id`. */
export type Correlation = Readonly<Record<string, CorrelationValue | undefined>>;

/** The rule for retries: it applies when a handler throws anything but `PermanentError`. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. When the last one fails, the event becomes a dead letter. Default 5. */
  readonly maxAttempts?: number;
  /** Delay before the second attempt, ms; doubled for each later one. Default 200. */
  readonly backoffMs?: number;
  /** Longest delay, ms. Default 60,000. */
  readonly maxBackoffMs?: number;
  /** Random share of the delay, 0 to 1, so that retries do not arrive together. Default 0.2. */
  readonly jitter?: number;
  /**
   * `park`: other events of the key go on meanwhile. `block`: the key's events wait in this member, so that their order is kept.
   * Default `park`.
   */
  readonly onRetry?: "park" | "block";
}

/** The options of `defineChannel`. `P` is the payload that the schema accepts and gives back unchanged. */
export interface ChannelDefinition<P> {
  /** 1 to 128 characters of `a-z 0-9 . _ -`, beginning with a letter. */
  readonly name: string;
  /** Any Standard Schema. It must accept its own output: it is applied at publish and again at delivery. A channel's first publish proves that. @see https://standardschema.dev */
  readonly schema: StandardSchemaV1<unknown, P>;
  /** The version of the payloads that are published, from 1 (default). It is written on the entry where it is above 1. */
  readonly version?: number;
  /**
   * From each older version to the next one: `{ 1: toVersion2, 2: toVersion3 }`. Applied when an entry is read, before the schema. The oldest
   * versions may be left out once no entry has them any more.
   */
  readonly upcast?: Upcasters;
  /** The ordering key, well-formed Unicode; a member handles entries of one key one after the other. Default: no key, so no order. */
  readonly key?: (payload: P) => string;
  /** Attributes by which the event's spans are found. Opaque ids only: the attributes also become baggage. */
  readonly correlation?: (payload: P) => Correlation;
  /** Within the window, ms, a caller's own `eventId` is appended once; a repeated publish gets the first one's `EventRef`. */
  readonly dedupe?: { readonly windowMs: number };
  readonly retry?: RetryPolicy;
  /** The rule for trimming. Default: nothing is trimmed. */
  readonly retention?: RetentionPolicy;
  /** `parent` (default): handling continues the producer's trace. `link`: handling starts a new trace that links to the producer's. */
  readonly topology?: "parent" | "link";
  /**
   * The partition of what handlers publish. `key` (default): that of its key, as for any other publish; without a key that of its source.
   * `source`: that of the event that it comes from, whatever its key. The events of one key then lie in one partition only if their sources
   * do, and so does the state that handlers keep for the key.
   */
  readonly placement?: "key" | "source";
  /** Largest encoded payload, bytes. Default 1 MiB. */
  readonly maxPayloadBytes?: number;
  /** Deepest nesting of objects and arrays in a payload, levels. Default 64. */
  readonly maxNesting?: number;
}

/** A defined channel: frozen, shared freely between producers and components. */
export interface Channel<P> extends Versioned {
  readonly name: string;
  readonly schema: StandardSchemaV1<unknown, P>;
  /** The ordering key; empty where the channel keeps no order. (A method, so that a `Channel<P>` is a `Channel<unknown>` too.) */
  key(payload: P): string;
  correlation(payload: P): Correlation;
  readonly dedupeWindowMs: number;
  readonly retry: Required<RetryPolicy>;
  readonly retention: Retention;
  /** The hard cap, entries, as the store takes it: 0 is no cap; above 0 a full channel rejects, below 0 it evicts. */
  readonly cap: number;
  readonly topology: "parent" | "link";
  readonly placement: "key" | "source";
  readonly maxPayloadBytes: number;
  readonly maxNesting: number;
}

/** True for what `defineChannel` gives, that of another copy of the package included. */
export function isChannel(value: unknown): value is Channel<unknown> {
  if (typeof value !== "object" || value === null) return false;
  const { name, schema, correlation, version } = value as Partial<Channel<unknown>>;
  const isDefined = typeof name === "string" && typeof schema?.["~standard"]?.validate === "function";
  return isDefined && typeof correlation === "function" && typeof version === "number";
}

const knownOptions: ReadonlySet<string> = new Set([
  "name",
  "schema",
  "version",
  "upcast",
  "key",
  "correlation",
  "dedupe",
  "retry",
  "retention",
  "topology",
  "placement",
  "maxPayloadBytes",
  "maxNesting",
]);

/** Words that Redis keys of Throughline contain in the position of a channel's name. */
const reservedNames: ReadonlySet<string> = new Set([
  "state",
  "members",
  "owner",
  "numbers",
  "bull",
  "meta",
  "positions",
  "trimmed",
]);

const noCorrelation: Correlation = Object.freeze({});

/** Makes a channel. @throws {ChannelError} on a name, schema or rule that cannot work; the message says which and why. */
export function defineChannel<P>(definition: ChannelDefinition<P>): Channel<P> {
  for (const option of Object.keys(definition)) {
    if (!knownOptions.has(option)) throw new ChannelError(`a channel has no option "${option}"`);
  }
  const { name, schema } = definition;
  if (!isName(name)) {
    throw new ChannelError(
      `"${name}" is no channel name: it takes 1 to 128 of a-z, 0-9, ".", "_" and "-", beginning with a letter`,
    );
  }
  if (reservedNames.has(name)) {
    throw new ChannelError(`"${name}" is reserved for the backbone's own keys: choose another channel name`);
  }
  if (typeof schema?.["~standard"]?.validate !== "function") {
    throw new ChannelError(`channel "${name}" needs a Standard Schema (zod, valibot, arktype, …) as its schema`);
  }
  const retention = resolveRetention(name, definition.retention);
  const placement = definition.placement ?? "key";
  if (placement !== "key" && placement !== "source") {
    throw new ChannelError(`channel "${name}": placement is "${String(placement)}"; it is "key" or "source"`);
  }
  return Object.freeze({
    name,
    schema,
    ...resolveVersions(name, definition.version, definition.upcast),
    key: definition.key === undefined ? () => "" : keyOf(name, definition.key),
    correlation:
      definition.correlation === undefined ? () => noCorrelation : blaming(name, "correlation", definition.correlation),
    dedupeWindowMs: positive(name, "dedupe.windowMs", definition.dedupe?.windowMs ?? 0, 0),
    retry: resolveRetry(definition.retry, `channel "${name}"`),
    retention,
    cap: capOf(retention),
    topology: definition.topology ?? "parent",
    placement,
    maxPayloadBytes: positive(name, "maxPayloadBytes", definition.maxPayloadBytes ?? 1_048_576, 1),
    maxNesting: positive(name, "maxNesting", definition.maxNesting ?? 64, 1),
  });
}

/** Wraps a definition's function so that its errors name the definition: the payload fits the schema, so the definition must be mended. */
function blaming<P, R>(channel: string, option: "key" | "correlation", given: (payload: P) => R): (payload: P) => R {
  return (payload) => {
    try {
      return given(payload);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new ChannelError(`channel "${channel}": its ${option} function threw: ${reason}`, { cause });
    }
  };
}

function keyOf<P>(channel: string, given: (payload: P) => string): (payload: P) => string {
  const key = blaming(channel, "key", given);
  return (payload) => {
    const value = key(payload);
    if (typeof value !== "string")
      throw new ChannelError(`channel "${channel}": its key function gave ${typeof value}, it must give a string`);
    // The payload's content is at fault, not the definition.
    const reason = illFormed("its key", value);
    if (reason !== undefined) throw new PayloadError(channel, [{ path: "", reason }]);
    return value;
  };
}

/** Applies the defaults over `base`. `owner` names the channel or subscription in the error. @throws {ChannelError} on a rule that cannot work */
export function resolveRetry(
  policy: RetryPolicy | undefined,
  owner: string,
  base: RetryPolicy = {},
): Required<RetryPolicy> {
  const resolved = {
    maxAttempts: policy?.maxAttempts ?? base.maxAttempts ?? 5,
    backoffMs: policy?.backoffMs ?? base.backoffMs ?? 200,
    maxBackoffMs: policy?.maxBackoffMs ?? base.maxBackoffMs ?? 60_000,
    jitter: policy?.jitter ?? base.jitter ?? 0.2,
    onRetry: policy?.onRetry ?? base.onRetry ?? ("park" as const),
  };
  for (const option of Object.keys(policy ?? {})) {
    if (!(option in resolved)) throw new ChannelError(`${owner}: a retry policy has no option "${option}"`);
  }
  if (!Number.isInteger(resolved.maxAttempts) || resolved.maxAttempts < 1) {
    throw new ChannelError(`${owner}: retry.maxAttempts is ${resolved.maxAttempts}; it must be a whole number from 1`);
  }
  if (!(resolved.backoffMs >= 0) || !(resolved.maxBackoffMs >= resolved.backoffMs)) {
    throw new ChannelError(`${owner}: retry.backoffMs must be at least 0 and at most retry.maxBackoffMs`);
  }
  if (resolved.onRetry !== "park" && resolved.onRetry !== "block") {
    throw new ChannelError(`${owner}: retry.onRetry is "${String(resolved.onRetry)}"; it is "park" or "block"`);
  }
  if (!(resolved.jitter >= 0 && resolved.jitter <= 1)) {
    throw new ChannelError(`${owner}: retry.jitter is ${resolved.jitter}; it is a share from 0 to 1`);
  }
  return Object.freeze(resolved);
}

/**
 * Gives the payload as the channel's schema returns it; a promise only where the schema is asynchronous.
 * @throws {PayloadError} with the path and reason of each issue
 */
export function validatePayload<P>(channel: Channel<P>, payload: unknown): P | Promise<P> {
  const result = channel.schema["~standard"].validate(payload);
  return result instanceof Promise ? result.then((r) => accepted(channel, r)) : accepted(channel, result);
}

function accepted<P>(channel: Channel<P>, result: StandardSchemaV1.Result<P>): P {
  if (result.issues === undefined) return result.value;
  throw new PayloadError(channel.name, result.issues.map(toPayloadIssue));
}

function toPayloadIssue(issue: StandardSchemaV1.Issue): PayloadIssue {
  const path = (issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment));
  return { path: path.join("."), reason: issue.message };
}

function positive(channel: string, option: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new ChannelError(`channel "${channel}": ${option} is ${value}; it must be a whole number from ${least}`);
}
