/** An event on its way into the log: the facts for its span, and the entry to append. */

import type { Carrier } from "../model/carrier.ts";
import type { Channel, Correlation } from "../model/channel.ts";
import { encodeEntry } from "../model/envelope.ts";
import type { Cause } from "../model/event.ts";
import type { NewEntry } from "../ports/append.ts";
import type { Sending, SendSpan } from "../ports/tracing.ts";

/** A class, not a literal: so are all objects that are made for each event and live until Redis has answered (see `listOf`). */
export class Outgoing implements Sending, NewEntry {
  readonly channel: Channel<unknown>;
  readonly partition: number;
  readonly eventId: string;
  /** Attributes for the span; dropped once the span is open, so that values from the payload are not kept longer. */
  correlation: Correlation;
  readonly causes: readonly Cause[];
  readonly baggage: Readonly<Record<string, string>> | undefined;
  readonly #time: number;
  readonly #dueAt: number;
  readonly #key: string;
  readonly #json: string;
  #span: SendSpan | undefined;

  /** `json`: the payload, validated and encoded; `time`: epoch ms; `causes`: as the publisher stated them; `dueAt`: epoch ms, or 0. */
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
    dueAt: number,
  ) {
    this.channel = channel;
    this.partition = partition;
    this.eventId = eventId;
    this.#time = time;
    this.#dueAt = dueAt;
    this.#key = key;
    this.#json = json;
    this.correlation = correlation;
    this.causes = causes;
    this.baggage = baggage;
  }

  /** Sets the span under which the event is sent; called before anything is appended. */
  under(span: SendSpan): void {
    this.#span = span;
    this.correlation = noCorrelation;
  }

  get carrier(): Carrier {
    return (this.#span as SendSpan).carrier;
  }

  get values(): readonly string[] {
    const { eventId, carrier, channel } = this;
    return encodeEntry(
      eventId,
      this.#time,
      this.#key,
      this.#json,
      carrier,
      this.allCauses(),
      channel.version,
      this.#dueAt,
    );
  }

  /** Estimated bytes, from UTF-16 units; fields and protocol add a little each. */
  get size(): number {
    const { traceparent, tracestate, baggage, stories = "" } = this.carrier;
    const trace = traceparent.length + tracestate.length + baggage.length + stories.length;
    return this.eventId.length + this.#key.length + this.#json.length + trace + 64 * (1 + this.causes.length);
  }

  /** The causes that the entry names. */
  protected allCauses(): readonly Cause[] {
    return this.causes;
  }

  /** Ends the span: the event is in the log. */
  sent(entryId: string): void {
    this.#span?.sent(entryId);
  }

  /** Ends the span: the event is not in the log, and will not be. */
  unsent(reason: unknown): void {
    this.#span?.failed(reason);
  }
}

const noCorrelation: Correlation = Object.freeze({});
