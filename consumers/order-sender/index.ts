/** The Order Sender, the port to an exchange, and the simulated exchange. */

export type { Exchange, VenueOrder, VenueReport } from "../../trading/domain/exchange.ts";
export type { Book, BookTotals } from "../../trading/venue/book.ts";
export { openRedisBook, type RedisBook } from "../../trading/venue/redis-book.ts";
export { createSimulatedExchange, type SimulatedExchangeOptions } from "../../trading/venue/simulated-exchange.ts";
export { createOrderSender, type OrderSenderOptions, orderSender, orderSenderSubscriptions } from "./order-sender.ts";
export { openRecordedExchange } from "./recorded-exchange.ts";
