/** The Order Manager: orders in, over connections and from files, and the records of what became of them. */

export { type Gateway, type GatewayOptions, startGateway } from "./gateway/gateway.ts";
export { orderManager, orderStore } from "./handlers.ts";
export { type FileIntake, type FileIntakeOptions, placeFile, placeOrder } from "./intake.ts";
export { createOrderManager, type OrderManagerOptions, orderManagerSubscriptions } from "./order-manager.ts";
export { type OrderRecord, type OrderState, stateOf } from "./order-record.ts";
