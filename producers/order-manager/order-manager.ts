/** Composes the Order Manager's component: orders and executions in, records kept. */

import { type Backbone, type Component, type ComponentOptions, on, type Subscription } from "throughline";
import { clientOrders, executions } from "../../trading/domain/index.ts";
import { keepExecutions, keepOrders, orderManager } from "./handlers.ts";

export interface OrderManagerOptions {
  readonly component?: ComponentOptions;
}

const batch = { maxSize: 100, maxWaitMs: 5 };

/** The Order Manager's handlers by channel, to be run without a connection. */
export function orderManagerSubscriptions(): readonly Subscription[] {
  return [on(clientOrders, { batch }, keepOrders), on(executions, { batch }, keepExecutions)];
}

export function createOrderManager(
  backbone: Pick<Backbone, "component">,
  options: OrderManagerOptions = {},
): Component {
  return backbone.component(orderManager, orderManagerSubscriptions(), options.component);
}
