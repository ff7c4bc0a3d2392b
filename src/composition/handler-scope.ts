/** The asynchronous scope of the handlers of a backbone: a publish on the backbone inside of it is no part of the settlement. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { BatchHandler, Handler, Subscription } from "../consume/subscription.ts";
import { ConfigError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";

/** `warn`: says once for each component that it does. `refuse`: the publish fails. `accept`: nothing is said. */
export type PublishInHandlers = "warn" | "refuse" | "accept";

export class HandlerScope {
  readonly #rule: PublishInHandlers;
  readonly #log: Log;
  /** The component whose handler runs. */
  readonly #running = new AsyncLocalStorage<string>();
  readonly #told = new Set<string>();

  constructor(rule: PublishInHandlers, log: Log) {
    this.#rule = rule;
    this.#log = log;
  }

  /** The subscriptions with handlers that run in the scope. */
  around(component: string, subscriptions: readonly Subscription[]): readonly Subscription[] {
    return this.#rule === "accept" ? subscriptions : subscriptions.map((one) => this.#around(component, one));
  }

  /** Called by each publish on the backbone. @throws {ConfigError} inside a handler, where that is refused */
  check(channel: string): void {
    if (this.#rule === "accept") return;
    const component = this.#running.getStore();
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

  #around(component: string, subscription: Subscription): Subscription {
    const { handling } = subscription;
    const running = this.#running;
    // Not a closure for each event: `run` hands its arguments on.
    if (handling.mode === "single") {
      const handle: Handler<unknown> = (event, tools) => running.run(component, handling.handle, event, tools);
      return { ...subscription, handling: { ...handling, handle } };
    }
    const handle: BatchHandler<unknown> = (events, tools) => running.run(component, handling.handle, events, tools);
    return { ...subscription, handling: { ...handling, handle } };
  }
}
