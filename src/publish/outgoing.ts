/** One event on its way into the log: what tracing is told of it, and what is appended. */

import type { Carrier } from "../model/carrier.ts";
import type { Channel, Correlation } from "../model/channel.ts";
import { encodeEntry } from "../model/envelope.ts";
import type { Cause } from "../model/event.ts";
import type { NewEntry } from "../ports/append.ts";
import type { Sending, SendSpan } from "../ports/tracing.ts";

/** No literal, like nothing that is made for each event and lives until Redis has answered: see `listOf`. */
export class Outgoing implements Sending, NewEntry {
  readonly channel: Channel<unknown>;
  readonly partition: number;
  readonly eventId: string;
  /** For its span: what comes of the payload is held no longer than that takes. */
  correlation: Correlation;
  readonly causes: readonly Cause[];
  readonly baggage: Readonly<Record<string, string>> | undefined;
  readonly #time: number;
  readonly #key: string;
  readonly #json: string;
  #span: SendSpan | undefined;

  /** `json`: the payload, validated and encoded; `time`: epoch ms; `causes`: as its publisher stated them. */
  constructor(
    channel: Channel<unknown>,
    partition: number,
    eventId: string,
    time: number,
    key: string,
    json: string,
    correlation: Correlation,
    causes: readonly Cause[],
    baggage: Readonly<Record<string, string>> | undefined,
  ) {
    this.channel = channel;
    this.partition = partition;
    this.eventId = eventId;
    this.#time = time;
    this.#key = key;
    this.#json = json;
    this.correlation = correlation;
    this.causes = causes;
    this.baggage = baggage;
  }

  /** Under which it is sent. Set before anything is appended. */
  under(span: SendSpan): void {
    this.#span = span;
    this.correlation = noCorrelation;
  }

  get carrier(): Carrier {
    return (this.#span as SendSpan).carrier;
  }

  get values(): readonly string[] {
    return encodeEntry(this.eventId, this.#time, this.#key, this.#json, this.carrier, this.allCauses());
  }

  /** UTF-16 units as an estimate of bytes; fields and protocol add a little each. */
  get size(): number {
    const { traceparent, tracestate, baggage } = this.carrier;
    const trace = traceparent.length + tracestate.length + baggage.length;
    return this.eventId.length + this.#key.length + this.#json.length + trace + 64 * (1 + this.causes.length);
  }

  /** What the entry names as its causes. */
  protected allCauses(): readonly Cause[] {
    return this.causes;
  }

  /** It stands in the log. */
  sent(entryId: string): void {
    this.#span?.sent(entryId);
  }

  /** It does not, and will not. */
  unsent(reason: unknown): void {
    this.#span?.failed(reason);
  }
}

const noCorrelation: Correlation = Object.freeze({});
