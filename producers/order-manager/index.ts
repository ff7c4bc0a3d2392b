/** The Order Manager: takes orders over connections and from files, and keeps a record of each order. */

export { type Gateway, type GatewayOptions, startGateway } from "./gateway/gateway.ts";
export { orderManager, orderStore } from "./handlers.ts";
export { type FileIntake, type FileIntakeOptions, placeCancel, placeFile, placeOrder } from "./intake.ts";
export { createOrderManager, type OrderManagerOptions, orderManagerSubscriptions } from "./order-manager.ts";
export { type OrderRecord, type OrderState, stateOf } from "./order-record.ts";
