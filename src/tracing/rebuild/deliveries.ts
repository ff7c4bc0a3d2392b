/** Entries of the log as their handlers had them. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Channel, Correlation } from "../../model/channel.ts";
import type { Envelope } from "../../model/envelope.ts";
import { readPayload } from "../../model/payload-reading.ts";
import type { Delivered } from "../../ports/tracing.ts";
import { noCarrier } from "../carrier.ts";

/** Most that are remembered: an entry's payload is read for the span that wrote it and for those that handled it, mostly soon after each other. */
const maxKept = 20_000;

export class Deliveries {
  readonly #channels: ReadonlyMap<string, Channel<unknown>>;
  readonly #kept = new Map<LogEntry, Delivered>();

  /** `channels`: by name; an entry of any other has no correlation but its baggage. */
  constructor(channels: ReadonlyMap<string, Channel<unknown>>) {
    this.#channels = channels;
  }

  /** Reads them, so that `of` has them until `trim`. A promise only where a schema is asynchronous. */
  prepare(entries: readonly LogEntry[]): void | Promise<void> {
    let reading: Promise<void>[] | undefined;
    for (const entry of entries) {
      if (this.#kept.has(entry)) continue;
      const correlation = this.#correlationOf(entry);
      if (!(correlation instanceof Promise)) this.#kept.set(entry, delivered(entry, correlation));
      else {
        reading ??= [];
        reading.push(correlation.then((read) => void this.#kept.set(entry, delivered(entry, read))));
      }
    }
    return reading === undefined ? undefined : Promise.all(reading).then(() => undefined);
  }

  /** One that was prepared. */
  of(entry: LogEntry): Delivered {
    return this.#kept.get(entry) ?? delivered(entry, noCorrelation);
  }

  /** Forgets the oldest. */
  trim(): void {
    for (const entry of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) return;
      this.#kept.delete(entry);
    }
  }

  /** A payload that no handler got has none: its spans have what travels with it. */
  #correlationOf({ channel, envelope }: LogEntry): Correlation | Promise<Correlation> {
    const definition = this.#channels.get(channel);
    if (definition === undefined || envelope === undefined) return noCorrelation;
    try {
      const payload = readPayload(definition, envelope);
      if (!(payload instanceof Promise)) return definition.correlation(payload);
      return payload.then((read) => definition.correlation(read)).catch(() => noCorrelation);
    } catch {
      return noCorrelation;
    }
  }
}

function delivered({ entryId, envelope }: LogEntry, correlation: Correlation): Delivered {
  return new LoggedDelivery(entryId, envelope, correlation);
}

class LoggedDelivery implements Delivered {
  readonly entryId: string;
  readonly eventId: string;
  readonly carrier: Delivered["carrier"];
  readonly causes: Delivered["causes"];
  readonly correlation: Correlation;
  readonly time: number;

  constructor(entryId: string, envelope: Envelope | undefined, correlation: Correlation) {
    this.entryId = entryId;
    this.eventId = envelope?.id ?? "";
    this.carrier = envelope ?? noCarrier;
    this.causes = envelope?.causes ?? noCauses;
    this.correlation = correlation;
    this.time = envelope?.time ?? 0;
  }
}

const noCorrelation: Correlation = Object.freeze({});
const noCauses: Delivered["causes"] = Object.freeze([]);
