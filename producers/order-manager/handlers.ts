/** The Order Manager's handlers of orders and executions: they keep each order's record. */

import type { BatchHandler, StateStore } from "throughline";
import { type ClientRequest, type Execution, isCancel, orderKey } from "../../trading/domain/index.ts";
import { noteExecution, noteOrder, type OrderRecord } from "./order-record.ts";

/** The component's name and its store, by which others read a record. */
export const orderManager = "order-manager";
export const orderStore = "orders";

/** A cancel changes nothing in the record: what becomes of it comes as an execution. */
export const keepOrders: BatchHandler<ClientRequest> = (requests, { state }) =>
  update(
    state<OrderRecord>(orderStore),
    requests.flatMap(({ payload, time }) => (isCancel(payload) ? [] : [{ order: payload, time }])),
    ({ order }) => orderKey(order.userId, order.id),
    (record, { order, time }) => noteOrder(record, order, time),
  );

export const keepExecutions: BatchHandler<Execution> = (executions, { state }) =>
  update(
    state<OrderRecord>(orderStore),
    executions,
    ({ payload }) => orderKey(payload.userId, payload.clientOrderId),
    (record, { payload }) => noteExecution(record, payload),
  );

/**
 * Updates the records of a batch. Reads all of them at once: a round trip for each would take the time of the batch.
 */
async function update<E>(
  store: StateStore<OrderRecord>,
  events: readonly E[],
  keyOf: (event: E) => string,
  change: (record: OrderRecord | undefined, event: E) => OrderRecord,
): Promise<void> {
  const keys = [...new Set(events.map(keyOf))];
  const records = new Map(await Promise.all(keys.map(async (key) => [key, await store.get(key)] as const)));
  for (const event of events) records.set(keyOf(event), change(records.get(keyOf(event)), event));
  for (const [key, record] of records) if (record !== undefined) store.set(key, record);
}
