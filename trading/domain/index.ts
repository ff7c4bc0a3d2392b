/** The trading domain: payloads, channels, files of orders. */

export {
  clientOrderEventId,
  clientOrderIdWindowMs,
  clientOrders,
  exchangeOrders,
  executions,
  fills,
  orderKey,
  tradingPartitions,
} from "./channels.ts";
export { fieldsOnly, maxQuantity, type Side } from "./fields.ts";
export { parseJson } from "./json.ts";
export { lobsterLine } from "./lobster-import.ts";
export {
  type OrderFileFormat,
  type OrderFileOptions,
  type OrderLine,
  orderFileFormats,
  readOrders,
} from "./order-file.ts";
export { describeIssues, type OrderDefaults, type ParsedOrder, parseOrder } from "./parse-order.ts";
export {
  ClientOrder,
  ExchangeOrder,
  ExchangeReport,
  Execution,
  type Fill,
  maxParents,
  type OrderType,
  type Reject,
} from "./payloads.ts";
export { addNotional, averagePrice, canonicalPrice } from "./price.ts";
export { between, seededRandom } from "./seeded-random.ts";
