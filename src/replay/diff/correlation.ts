/** The correlation attributes of an event, by which people look for an order. */

import { baggageOf } from "../../inspect/entries/entry-json.ts";
import type { Channel } from "../../model/channel.ts";

/** Attributes such as `payment.id`, each with one value or more. */
export type About = Readonly<Record<string, readonly string[]>>;

/** Collects the attributes from the baggage and, where the channel is known, from the payload, which takes precedence, as for spans. */
export function aboutOf(baggage: string, payload: string, channel: Channel<unknown> | undefined): About {
  const about: Record<string, readonly string[]> = {};
  for (const [name, value] of baggageOf(baggage)) about[name] = value.split("|");
  if (channel === undefined) return about;
  try {
    for (const [name, value] of Object.entries(channel.correlation(JSON.parse(payload)))) {
      if (value !== undefined) about[name] = Array.isArray(value) ? value : [String(value)];
    }
  } catch {
    // The payload does not fit the channel, so only the baggage counts.
  }
  return about;
}

/** Collects the ids that differences are about. */
export class Concerned {
  readonly #values = new Map<string, Set<string>>();

  add(about: About): void {
    for (const [name, values] of Object.entries(about)) {
      if (!/(?:^|[._-])id$/i.test(name)) continue;
      const known = this.#values.get(name) ?? new Set();
      this.#values.set(name, known);
      for (const value of values) known.add(value);
    }
  }

  /** Each attribute's values, each once, with numbers in numeric order. */
  get values(): About {
    const { compare } = new Intl.Collator("en", { numeric: true });
    return Object.fromEntries([...this.#values].map(([name, values]) => [name, [...values].sort(compare)]));
  }
}
