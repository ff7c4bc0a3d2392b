/** An entry of the log as its handlers had it. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Channel, Correlation } from "../../model/channel.ts";
import type { Envelope } from "../../model/envelope.ts";
import { readPayload } from "../../model/payload-reading.ts";
import type { Delivered } from "../../ports/tracing.ts";
import { noCarrier, TraceFields } from "../carrier.ts";

/** What is kept of an entry: nothing that no span needs, as thousands of them live at a time. */
export class LoggedDelivery implements Delivered {
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly eventId: string;
  readonly carrier: Delivered["carrier"];
  readonly causes: Delivered["causes"];
  readonly time: number;
  /** Empty before `read`. */
  correlation: Correlation = noCorrelation;
  /** Undefined once it was read, and of an entry that is no readable event. */
  #unread: Envelope | undefined;

  constructor({ channel, partition, entryId, envelope }: LogEntry) {
    this.channel = channel;
    this.partition = partition;
    this.entryId = entryId;
    this.eventId = envelope?.id ?? "";
    this.carrier =
      envelope === undefined
        ? noCarrier
        : new TraceFields(envelope.traceparent, envelope.tracestate, envelope.baggage, envelope.stories);
    this.causes = envelope?.causes ?? noCauses;
    this.time = envelope?.time ?? 0;
    this.#unread = envelope;
  }

  get isRead(): boolean {
    return this.#unread === undefined;
  }

  /**
   * Reads the payload for what its channel's spans are found by, once: for the span that wrote it and for those that handled it.
   * `definition`: undefined where nobody has given it; the entry has what travels with it alone then. A promise only where a schema is
   * asynchronous.
   */
  read(definition: Channel<unknown> | undefined): Promise<void> | undefined {
    const envelope = this.#unread;
    this.#unread = undefined;
    if (envelope === undefined || definition === undefined) return undefined;
    try {
      const payload = readPayload(definition, envelope);
      if (payload instanceof Promise)
        return payload.then((read) => this.#correlate(definition, read)).catch(() => undefined);
      this.#correlate(definition, payload);
    } catch {
      // No handler got such a payload: its spans have what travels with it.
    }
    return undefined;
  }

  #correlate(definition: Channel<unknown>, payload: unknown): void {
    this.correlation = definition.correlation(payload);
  }
}

const noCorrelation: Correlation = Object.freeze({});
const noCauses: Delivered["causes"] = Object.freeze([]);
