/** The Algorithm: client orders in, exchange orders out; the exchange's reports in, executions out. */

export { type AlgorithmOptions, algorithmSubscriptions, createAlgorithm } from "./algorithm.ts";
export type { OpenOrder } from "./open-orders.ts";
