/** Every error that Throughline throws: one class for each reaction that a caller may have, each with a stable `code`. */

/** The base of all errors. `code` is stable across releases; the message is for people. */
export abstract class ThroughlineError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Options, a server or a namespace that Throughline cannot work with. Nothing was written. */
export class ConfigError extends ThroughlineError {
  readonly code = "THROUGHLINE_CONFIG";
}

/** A channel definition that is invalid, or a use that the channel's definition does not allow. */
export class ChannelError extends ThroughlineError {
  readonly code = "THROUGHLINE_CHANNEL";
}

/** One fault of a payload. `path` is dotted from the payload's root, and empty for the root itself. */
export interface PayloadIssue {
  readonly path: string;
  readonly reason: string;
}

/** What a `PayloadError` says beside its issues. */
export interface PayloadErrorOptions extends ErrorOptions {
  /** What is refused. Default: "the payload". */
  readonly what?: string;
  /** A sentence that follows the issues. */
  readonly advice?: string;
}

/** A payload that the channel's schema, limits or upcasters refuse. Nothing was sent, or the delivery is dead-lettered. */
export class PayloadError extends ThroughlineError {
  readonly code = "THROUGHLINE_PAYLOAD";
  readonly issues: readonly PayloadIssue[];

  constructor(channel: string, issues: readonly PayloadIssue[], options: PayloadErrorOptions = {}) {
    const { what = "the payload", advice, ...rest } = options;
    const shown = issues.slice(0, 3).map((issue) => `${issue.path === "" ? "payload" : issue.path}: ${issue.reason}`);
    const more = issues.length > 3 ? ` (and ${issues.length - 3} more)` : "";
    const end = advice === undefined ? "" : `. ${advice}`;
    super(`channel "${channel}" refuses ${what}: ${shown.join("; ")}${more}${end}`, rest);
    this.issues = issues;
  }
}

/**
 * An entry whose payload has a newer version than the channel's definition in this process. It is not dead-lettered: it waits for a member
 * whose code knows the version.
 */
export class VersionError extends ThroughlineError {
  readonly code = "THROUGHLINE_VERSION";
  readonly entryId: string;
  /** The entry's. */
  readonly version: number;

  constructor(channel: string, entryId: string, version: number, known: number) {
    super(
      `entry ${entryId} of "${channel}" has version ${version}, and this code knows the channel up to ${known}: ` +
        "it waits for code that knows it",
    );
    this.entryId = entryId;
    this.version = version;
  }
}

/** An entry in Redis that cannot be read as an event. Its delivery is dead-lettered. */
export class EnvelopeError extends ThroughlineError {
  readonly code = "THROUGHLINE_ENVELOPE";
  readonly entryId: string;

  constructor(entryId: string, reason: string, options?: ErrorOptions) {
    super(`entry ${entryId} is not a readable event: ${reason}`, options);
    this.entryId = entryId;
  }
}

/**
 * A publish that was not confirmed. `rejected`: the event was certainly not appended. `unknown`: the event may have been appended;
 * publishing again with the same `eventId` on a channel with `dedupe` is safe.
 */
export class PublishError extends ThroughlineError {
  readonly code = "THROUGHLINE_PUBLISH";
  readonly outcome: "rejected" | "unknown";

  constructor(outcome: "rejected" | "unknown", message: string, options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** A command that Redis refused or could not run; `cause` is the client's error. */
export class StoreError extends ThroughlineError {
  readonly code = "THROUGHLINE_STORE";
}

/** The server answers, and refuses: a key of another type, a missing right. Trying again helps only once somebody has mended it. */
export class StoreRefusal extends StoreError {}

/** A key has another type than ours: somebody else has written it, and its channel cannot be read until that is put right. */
export class WrongTypeError extends StoreRefusal {}

/** Trying again does not help by itself: the server refuses, or what was asked of it cannot be. */
export function isRefusal(error: unknown): error is StoreRefusal | ConfigError {
  return error instanceof StoreRefusal || error instanceof ConfigError;
}

/** A write for a delivery that another member has taken over. Nothing of it was written. */
export class FencedError extends ThroughlineError {
  readonly code = "THROUGHLINE_FENCED";
}

/** A drain that ran out of time. The `pending` deliveries stay in Redis, and another member takes them over. */
export class DrainTimeoutError extends ThroughlineError {
  readonly code = "THROUGHLINE_DRAIN_TIMEOUT";
  readonly pending: number;

  constructor(component: string, pending: number, drainTimeoutMs: number) {
    super(
      `component "${component}" did not drain within ${drainTimeoutMs} ms: ${pending} deliveries stay pending and will be ` +
        "taken over by another member",
    );
    this.pending = pending;
  }
}

/** A handler that did not return within its subscription's `handlerTimeoutMs`. Nothing of its attempt is written. */
export class HandlerTimeoutError extends ThroughlineError {
  readonly code = "THROUGHLINE_HANDLER_TIMEOUT";
}

/** An error by which a handler says that the event will never succeed. The event is dead-lettered at once, without retries. */
export class PermanentError extends ThroughlineError {
  readonly code = "THROUGHLINE_PERMANENT";
}

/** The reason of a dead letter whose event was being handled each time that a process died. */
export class CrashLoopError extends ThroughlineError {
  readonly code = "THROUGHLINE_CRASH_LOOP";
}

/** Of an attempt whose process died in the middle of it. Only spans and the settlement log have it: nobody is left who could catch it. */
export class OwnerLostError extends ThroughlineError {
  readonly code = "THROUGHLINE_OWNER_LOST";
}

/** An entry that was trimmed or deleted before the component handled it. */
export class LostEntryError extends ThroughlineError {
  readonly code = "THROUGHLINE_LOST_ENTRY";
}

/** A recording, or a file to import, that cannot be written or read. `line` counts from 1; undefined where no single line is at fault. */
export class RecordingError extends ThroughlineError {
  readonly code = "THROUGHLINE_RECORDING";
  readonly file: string;
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, reason: string, options?: ErrorOptions) {
    super(`${file}${line === undefined ? "" : `, line ${line}`}: ${reason}`, options);
    this.file = file;
    this.line = line;
  }
}

/**
 * A replay that cannot begin or go on: the source or the target does not fit, the run is unknown, or another process has taken the run
 * over. Entries that were republished stay, and a run that has begun can be resumed.
 */
export class ReplayError extends ThroughlineError {
  readonly code = "THROUGHLINE_REPLAY";
}
