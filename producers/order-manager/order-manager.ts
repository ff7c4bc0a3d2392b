/** Composes the Order Manager's component: orders and executions in, records kept. */

import { type Backbone, type Component, type ComponentOptions, on } from "../../src/index.ts";
import { clientOrders, executions } from "../../src/orders/index.ts";
import { keepExecutions, keepOrders, orderManager } from "./handlers.ts";

export interface OrderManagerOptions {
  readonly component?: ComponentOptions;
}

const batch = { maxSize: 100, maxWaitMs: 5 };

export function createOrderManager(
  backbone: Pick<Backbone, "component">,
  options: OrderManagerOptions = {},
): Component {
  return backbone.component(
    orderManager,
    [on(clientOrders, { batch }, keepOrders), on(executions, { batch }, keepExecutions)],
    options.component,
  );
}
