/** The trading domain: payloads, channels, files of orders. */

export {
  clientCancelEventId,
  clientOrderEventId,
  clientOrderIdWindowMs,
  clientOrders,
  exchangeKey,
  exchangeOrders,
  executions,
  fills,
  netOrderOf,
  orderKey,
  reports,
  sliceId,
  tradingPartitions,
  venueOrders,
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
export {
  describeIssues,
  type OrderDefaults,
  type ParsedCancel,
  type ParsedOrder,
  parseCancel,
  parseOrder,
} from "./parse-order.ts";
export {
  type CancelRefusal,
  ClientCancel,
  ClientOrder,
  ClientRequest,
  ExchangeCancel,
  ExchangeOrder,
  ExchangeReport,
  ExchangeRequest,
  Execution,
  type Fill,
  isCancel,
  maxParents,
  type OrderType,
  quantityOf,
  type Reject,
  VenueNotice,
  VenueOrder,
} from "./payloads.ts";
export { addNotional, averagePrice, canonicalPrice } from "./price.ts";
export { between, seededRandom } from "./seeded-random.ts";
export { type CancelOrder, type NewOrder, VenueReport, VenueRequest, type VenueTotals } from "./venue.ts";
