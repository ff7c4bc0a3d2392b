/** The spans of writing an entry: each is ended once, by `sent` or `failed`, and carries the entry's trace fields. */

import { type Span, SpanStatusCode } from "@opentelemetry/api";
import type { Carrier } from "../model/carrier.ts";
import { errorTypeOf, exceptionOf } from "../model/error-facts.ts";
import type { SendSpan } from "../ports/tracing.ts";
import { attribute } from "./attributes.ts";
import { noCarrier } from "./carrier.ts";
import type { Meters } from "./metrics.ts";
import type { FaultReport } from "./report.ts";

/** The measurements of a send span. */
interface Measured {
  readonly faults: FaultReport;
  readonly meters: Meters;
  /** Epoch ms on the server's clock. */
  readonly serverNow: () => number;
}

/**
 * The time at which the entry was appended, as a reading of `performance.now()`. A send span ends then, not with the reply: whoever handles
 * the event may begin before the reply is here, and a child that begins before its parent has ended looks like a clock that is wrong.
 */
function appendedAt(entryId: string, startedAt: number, serverNow: () => number): number {
  const now = performance.now();
  const agoMs = serverNow() - Number.parseInt(entryId, 10);
  return agoMs >= 0 ? Math.max(startedAt, now - agoMs) : now;
}

/** A `send` or `create` span, open until Redis has appended. Without a tracer it only measures. */
export class SendScope implements SendSpan {
  readonly carrier: Carrier;
  readonly #measured: Measured;
  readonly #channel: string;
  readonly #span: Span | undefined;
  readonly #startedAt: number = performance.now();

  constructor(measured: Measured, channel: string, span: Span | undefined, carrier: Carrier) {
    this.#measured = measured;
    this.#channel = channel;
    this.#span = span;
    this.carrier = carrier;
  }

  sent(entryId: string): void {
    // A `try` instead of `attempt`, whose function would have to be made for each publish.
    try {
      if (this.#span !== undefined)
        this.#span
          .setAttribute(attribute.entryId, entryId)
          .end(appendedAt(entryId, this.#startedAt, this.#measured.serverNow));
      this.#measured.meters.sent(this.#channel, this.#startedAt, undefined, "");
    } catch (error) {
      this.#measured.faults.report("send", error);
    }
  }

  failed(error: unknown): void {
    this.#measured.faults.attempt(
      "send",
      () => {
        const errorType = errorTypeOf(error);
        if (this.#span !== undefined) fail(this.#span, errorType, error).end();
        this.#measured.meters.sent(this.#channel, this.#startedAt, error ?? errorType, errorType);
      },
      undefined,
    );
  }
}

/** A send span that is not counted as a publish: of a dead letter, or of a replayed event. */
export class UnmeasuredSend implements SendSpan {
  readonly carrier: Carrier;
  readonly #faults: FaultReport;
  readonly #span: Span;

  constructor(faults: FaultReport, span: Span, carrier: Carrier) {
    this.#faults = faults;
    this.#span = span;
    this.carrier = carrier;
  }

  sent(entryId: string): void {
    this.#faults.attempt("send", () => this.#span.setAttribute(attribute.entryId, entryId).end(), undefined);
  }

  failed(error: unknown): void {
    this.#faults.attempt("send", () => fail(this.#span, errorTypeOf(error), error).end(), undefined);
  }
}

/** The one `send` span of a `publishAll`: it ends with the last of its events. */
export class SendGroup {
  readonly #faults: FaultReport;
  readonly #span: Span;
  #open: number;

  constructor(faults: FaultReport, span: Span, count: number) {
    this.#faults = faults;
    this.#span = span;
    this.#open = count;
    if (count === 0) span.end();
  }

  ended(error?: { readonly reason: unknown }): void {
    this.#open -= 1;
    this.#faults.attempt(
      "send",
      () => {
        if (error !== undefined) fail(this.#span, errorTypeOf(error.reason), error.reason);
        if (this.#open === 0) this.#span.end();
      },
      undefined,
    );
  }
}

export class GroupedSend implements SendSpan {
  readonly carrier: Carrier;
  readonly #create: SendSpan;
  readonly #group: SendGroup;

  constructor(create: SendSpan, group: SendGroup) {
    this.carrier = create.carrier;
    this.#create = create;
    this.#group = group;
  }

  sent(entryId: string): void {
    this.#create.sent(entryId);
    this.#group.ended();
  }

  failed(error: unknown): void {
    this.#create.failed(error);
    this.#group.ended({ reason: error });
  }
}

/** A publish without span and measurement: it only passes its carrier on. */
export class PassedSend implements SendSpan {
  readonly carrier: Carrier;

  constructor(carrier: Carrier) {
    this.carrier = carrier;
  }

  sent(): void {}
  failed(): void {}
}

/** The send span where nothing is traced, measured or passed on. */
export const inertSend: SendSpan = Object.freeze(new PassedSend(noCarrier));

/** Marks a span as failed. The error's message and stack are bounded. */
export function fail(span: Span, errorType: string, error: unknown): Span {
  span.setAttribute(attribute.errorType, errorType);
  if (error === undefined) return span.setStatus({ code: SpanStatusCode.ERROR });
  const exception = exceptionOf(error);
  span.recordException(exception);
  return span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message });
}
