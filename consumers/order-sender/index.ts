/** The Order Sender, the port to an exchange, and the simulated exchange. */

export type { Exchange, VenueOrder, VenueReport } from "./exchange.ts";
export { createOrderSender, type OrderSenderOptions, orderSender, orderSenderSubscriptions } from "./order-sender.ts";
export { openRecordedExchange } from "./recorded-exchange.ts";
export type { Book, BookTotals } from "./simulated/book.ts";
export { createSimulatedExchange, type SimulatedExchangeOptions } from "./simulated/exchange.ts";
export { openRedisBook, type RedisBook } from "./simulated/redis-book.ts";
