/** Every error that Throughline throws: one class per thing that the caller can do about it, each with a stable `code`. */

/** The common base. `code` is stable across releases; the message is for people. */
export abstract class ThroughlineError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Options, a server or a namespace that cannot be worked with. Nothing was written. */
export class ConfigError extends ThroughlineError {
  readonly code = "THROUGHLINE_CONFIG";
}

/** A channel definition that cannot be used, or a channel used where its definition does not allow it. */
export class ChannelError extends ThroughlineError {
  readonly code = "THROUGHLINE_CHANNEL";
}

/** One thing that is wrong with a payload. `path` is dotted from the payload's root, empty for the root itself. */
export interface PayloadIssue {
  readonly path: string;
  readonly reason: string;
}

/** A payload that its channel's schema or limits refuse. Nothing was sent. */
export class PayloadError extends ThroughlineError {
  readonly code = "THROUGHLINE_PAYLOAD";
  readonly issues: readonly PayloadIssue[];

  constructor(channel: string, issues: readonly PayloadIssue[], options?: ErrorOptions) {
    const shown = issues.slice(0, 3).map((issue) => `${issue.path === "" ? "payload" : issue.path}: ${issue.reason}`);
    const more = issues.length > 3 ? ` (and ${issues.length - 3} more)` : "";
    super(`channel "${channel}" refuses the payload: ${shown.join("; ")}${more}`, options);
    this.issues = issues;
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
 * A publish that was not confirmed. `rejected`: it was certainly not appended. `unknown`: it may have been; publishing
 * again with the same `eventId` on a channel with `dedupe` is safe.
 */
export class PublishError extends ThroughlineError {
  readonly code = "THROUGHLINE_PUBLISH";
  readonly outcome: "rejected" | "unknown";

  constructor(outcome: "rejected" | "unknown", message: string, options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** Redis refused or could not run a command of ours; `cause` is the client's error. */
export class StoreError extends ThroughlineError {
  readonly code = "THROUGHLINE_STORE";
}

/** Work that was done for a delivery which by then belonged to another member. Nothing of it was written. */
export class FencedError extends ThroughlineError {
  readonly code = "THROUGHLINE_FENCED";
}

/** A drain that ran out of time. The `pending` deliveries stay in Redis and are taken over by another member. */
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

/** A handler that had not returned within its subscription's `handlerTimeoutMs`. Nothing of its attempt is written. */
export class HandlerTimeoutError extends ThroughlineError {
  readonly code = "THROUGHLINE_HANDLER_TIMEOUT";
}

/** Thrown by a handler: this event will never succeed. It is dead-lettered at once, without retries. */
export class PermanentError extends ThroughlineError {
  readonly code = "THROUGHLINE_PERMANENT";
}

/** What an event is dead-lettered with that was being handled each time its process died. */
export class CrashLoopError extends ThroughlineError {
  readonly code = "THROUGHLINE_CRASH_LOOP";
}

/** An entry that was trimmed or deleted before the component had handled it. */
export class LostEntryError extends ThroughlineError {
  readonly code = "THROUGHLINE_LOST_ENTRY";
}

/** A recording, or a file to import, that cannot be written or read. `line` counts from 1; undefined where it is no single line's fault. */
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
 * A replay that cannot begin, or cannot go on: a source or a target that does not fit, a run that is not known, or that another process
 * has taken over. What was republished stays, and a run that was begun can be resumed.
 */
export class ReplayError extends ThroughlineError {
  readonly code = "THROUGHLINE_REPLAY";
}
