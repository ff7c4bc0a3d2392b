/** Composes the Algorithm: client orders in, exchange orders out; reports in, executions out; both at once. */

import { type Backbone, type Component, type ComponentOptions, ConfigError, on, type Subscription } from "throughline";
import { clientOrders, fills, maxQuantity } from "../../trading/domain/index.ts";
import { applyReport } from "./handlers.ts";
import { netAndSlice } from "./netting.ts";

export interface AlgorithmOptions {
  /** The name of the exchange that orders are sent to. Default "simulated". */
  readonly exchange?: string;
  /** Largest quantity of one slice; larger orders are sliced. Default 1,000. */
  readonly maxSliceQuantity?: number;
  readonly component?: ComponentOptions;
}

/** Most slices of one net order: with 50 orders a batch, a settlement has at most 5,000 outputs. */
const maxSlices = 100;

/** The Algorithm's handlers by channel, to be run without a connection. @throws {ConfigError} */
export function algorithmSubscriptions(options: Omit<AlgorithmOptions, "component"> = {}): readonly Subscription[] {
  const { exchange = "simulated", maxSliceQuantity = 1_000 } = options;
  if (!Number.isInteger(maxSliceQuantity) || maxSliceQuantity < 1 || maxSliceQuantity > maxQuantity) {
    throw new ConfigError(`maxSliceQuantity is ${maxSliceQuantity}; it must be a whole number, 1 to ${maxQuantity}`);
  }
  return [
    on(
      clientOrders,
      { batch: { maxSize: 50, maxWaitMs: 20 } },
      netAndSlice(exchange, { maxQuantity: maxSliceQuantity, maxSlices }),
    ),
    on(fills, applyReport),
  ];
}

/** Makes the component. @throws {ConfigError} */
export function createAlgorithm(backbone: Pick<Backbone, "component">, options: AlgorithmOptions = {}): Component {
  return backbone.component("algorithm", algorithmSubscriptions(options), options.component);
}
