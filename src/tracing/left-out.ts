/** Counts what does not get into an entry's baggage, and says it once for each key: whoever misses an attribute must learn why. */

import { shown } from "../model/safe-text.ts";
import type { Log } from "../ports/log.ts";
import type { CarrierLimits, LeftOut } from "./carrier.ts";
import type { Meters } from "./metrics.ts";

/** Keys come from payloads and from other instrumentation, so there may be any number of them. */
const maxSaid = 256;

export class LeftOutBaggage {
  readonly #log: Log;
  readonly #meters: Meters;
  readonly #said = new Set<string>();

  readonly #why: Readonly<Record<LeftOut, string>>;

  constructor(log: Log, meters: Meters, limits: CarrierLimits) {
    const { maxBaggageBytes, maxBaggageEntries, maxBaggageValueBytes } = limits;
    this.#log = log;
    this.#meters = meters;
    this.#why = {
      "not-allowed":
        "neither the channel's correlation nor the event being handled has it. " +
        "If it shall travel, name it: connectBackbone({ baggage: { allow: […] } })",
      "no-key":
        "a key is a token as in HTTP headers, of up to 128 characters, " +
        "and none of messaging.*, throughline.*, server.address, server.port and error.type",
      value: `a value takes up to ${maxBaggageValueBytes} bytes once it is percent-encoded, and no control characters`,
      full:
        `baggage takes up to ${maxBaggageBytes} bytes and ${maxBaggageEntries} members. First comes what the event says itself, ` +
        "in the order of its correlation, then what is allowed, then what it inherits",
    };
  }

  /** Counts it. The first time for a key and a reason it is logged. Never throws. */
  note(channel: string, key: string, reason: LeftOut): void {
    try {
      this.#meters.leftOut(channel, reason);
      const which = `${reason} ${key.slice(0, 256)}`;
      if (this.#said.has(which) || this.#said.size >= maxSaid) return;
      this.#said.add(which);
      const name = shown(key, 128);
      const last = this.#said.size === maxSaid ? ", and so are further keys" : "";
      this.#log.warn(
        { key: name, channel, reason },
        `"${name}" is left out of the baggage of events in "${channel}": ${this.#why[reason]}. From now on it is only counted${last}`,
      );
    } catch {
      // Telemetry that fails does not reach the event.
    }
  }
}
