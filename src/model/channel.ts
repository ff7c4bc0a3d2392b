/** `defineChannel`: a typed name for a stream, with the rules that its events follow. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ChannelError, PayloadError, type PayloadIssue } from "./errors.ts";
import { capOf, type Retention, type RetentionPolicy, resolveRetention } from "./retention-policy.ts";
import { illFormed } from "./well-formed-text.ts";

/** A correlation attribute's value; a list where one event concerns several orders or users. */
export type CorrelationValue = string | number | boolean | readonly string[];

/** Attributes that every span of an event's journey carries, such as `user.id` and `client.order_id`. */
export type Correlation = Readonly<Record<string, CorrelationValue | undefined>>;

/** What happens after a handler throws something other than `PermanentError`. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. The one after the last is a dead letter. Default 5. */
  readonly maxAttempts?: number;
  /** Delay before the second attempt; doubled for each later one. Default 200. */
  readonly backoffMs?: number;
  /** No delay is longer than this. Default 60,000. */
  readonly maxBackoffMs?: number;
  /** Share of the delay that is random, 0 to 1, so that retries do not arrive together. Default 0.2. */
  readonly jitter?: number;
  /** `park`: others of the key go on meanwhile. `block`: the key's lane waits in this member, its order is kept. Default `park`. */
  readonly onRetry?: "park" | "block";
}

/** What `defineChannel` takes. `P` is the payload that the schema accepts and gives back unchanged. */
export interface ChannelDefinition<P> {
  /** 1 to 128 of `a-z 0-9 . _ -`, beginning with a letter. */
  readonly name: string;
  /** Any Standard Schema. It must accept its own output: it is applied at publish and again at delivery. */
  readonly schema: StandardSchemaV1<unknown, P>;
  /** The ordering key, well-formed Unicode; entries of one key are handled one after the other by a member. Default: none, no order. */
  readonly key?: (payload: P) => string;
  /** What the event's spans are found by. Opaque ids only: it also becomes baggage. */
  readonly correlation?: (payload: P) => Correlation;
  /** Within the window a caller's own `eventId` is appended once; a repeated publish gets the first one's `EventRef`. */
  readonly dedupe?: { readonly windowMs: number };
  readonly retry?: RetryPolicy;
  /** What may be trimmed. Default: nothing is. */
  readonly retention?: RetentionPolicy;
  /** `parent` (default): handling continues the producer's trace. `link`: it starts a trace of its own, linked to it. */
  readonly topology?: "parent" | "link";
  /** Largest encoded payload. Default 1 MiB. */
  readonly maxPayloadBytes?: number;
  /** Deepest nesting of objects and arrays in a payload. Default 64. */
  readonly maxNesting?: number;
}

/** A defined channel: frozen, shared freely between producers and components. */
export interface Channel<P> {
  readonly name: string;
  readonly schema: StandardSchemaV1<unknown, P>;
  /** Empty where the channel keeps no order. (Methods, so that a `Channel<P>` is a `Channel<unknown>` too.) */
  key(payload: P): string;
  correlation(payload: P): Correlation;
  readonly dedupeWindowMs: number;
  readonly retry: Required<RetryPolicy>;
  readonly retention: Retention;
  /** The hard cap as the store takes it: 0 none, above 0 full channels reject, below 0 they evict. */
  readonly cap: number;
  readonly topology: "parent" | "link";
  readonly maxPayloadBytes: number;
  readonly maxNesting: number;
}

const knownOptions: ReadonlySet<string> = new Set([
  "name",
  "schema",
  "key",
  "correlation",
  "dedupe",
  "retry",
  "retention",
  "topology",
  "maxPayloadBytes",
  "maxNesting",
]);

/** Words that our own keys use where a channel's name would stand. */
const reservedNames: ReadonlySet<string> = new Set([
  "state",
  "members",
  "robbed",
  "numbers",
  "bull",
  "meta",
  "positions",
  "trimmed",
]);

const noCorrelation: Correlation = Object.freeze({});

/** @throws {ChannelError} on a name, schema or rule that cannot work; the message says which and why. */
export function defineChannel<P>(definition: ChannelDefinition<P>): Channel<P> {
  for (const option of Object.keys(definition)) {
    if (!knownOptions.has(option)) throw new ChannelError(`a channel has no option "${option}"`);
  }
  const { name, schema } = definition;
  if (typeof name !== "string" || !/^[a-z][a-z0-9._-]{0,127}$/.test(name)) {
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
  return Object.freeze({
    name,
    schema,
    key: definition.key === undefined ? () => "" : keyOf(name, definition.key),
    correlation:
      definition.correlation === undefined ? () => noCorrelation : blaming(name, "correlation", definition.correlation),
    dedupeWindowMs: positive(name, "dedupe.windowMs", definition.dedupe?.windowMs ?? 0, 0),
    retry: resolveRetry(definition.retry, `channel "${name}"`),
    retention,
    cap: capOf(retention),
    topology: definition.topology ?? "parent",
    maxPayloadBytes: positive(name, "maxPayloadBytes", definition.maxPayloadBytes ?? 1_048_576, 1),
    maxNesting: positive(name, "maxNesting", definition.maxNesting ?? 64, 1),
  });
}

/** What it throws says whose function failed: the payload fits the schema, so the definition is what must be mended. */
function blaming<P, R>(channel: string, option: "key" | "correlation", given: (payload: P) => R): (payload: P) => R {
  return (payload) => {
    try {
      return given(payload);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
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
    // What the payload says is at fault, not the definition.
    const reason = illFormed("its key", value);
    if (reason !== undefined) throw new PayloadError(channel, [{ path: "", reason }]);
    return value;
  };
}

/** Applies the defaults over `base`. `owner` names the channel or subscription in the error. @throws {ChannelError} */
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
 * The payload as the channel's schema gives it back; a promise only where the schema is asynchronous.
 * @throws {PayloadError} with the path and reason of each issue.
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
