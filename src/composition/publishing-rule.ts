/** What becomes of a publish on the backbone inside one of its handlers: it is no part of the settlement. */

import { ConfigError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Tracing } from "../ports/tracing.ts";

/** `warn`: says once for each component that it does. `refuse`: the publish fails. `accept`: nothing is said. */
export type PublishInHandlers = "warn" | "refuse" | "accept";

export class PublishingRule {
  readonly #rule: PublishInHandlers;
  readonly #tracing: Pick<Tracing, "handling">;
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(rule: PublishInHandlers, tracing: Pick<Tracing, "handling">, log: Log) {
    this.#rule = rule;
    this.#tracing = tracing;
    this.#log = log;
  }

  /** Called by each publish on the backbone. @throws {ConfigError} inside a handler, where that is refused */
  check(channel: string): void {
    if (this.#rule === "accept") return;
    const component = this.#tracing.handling();
    if (component === undefined) return;
    if (this.#rule === "refuse") {
      throw new ConfigError(
        `publish("${channel}") was called on the backbone inside a handler of component "${component}": it would be appended at once, ` +
          'whatever becomes of the event. Use tools.publish, or publishInHandlers: "accept" for the backbone',
      );
    }
    if (this.#told.has(component)) return;
    this.#told.add(component);
    this.#log.warn(
      { component, channel },
      "a handler publishes on the backbone: that is appended at once, whatever becomes of its event, and again at each attempt; use tools.publish",
    );
  }
}
