/** The record of one client order: a pure fold over the order and its executions. */

import { addNotional, averagePrice, type ClientOrder, type Execution, type Side } from "../../trading/domain/index.ts";

export interface OrderRecord {
  /** The order; absent while only executions are known, as the two come on different channels. */
  readonly order?: {
    readonly symbol: string;
    readonly side: Side;
    readonly price: string;
    readonly quantity: number;
    readonly placedAt: number;
  };
  readonly executed: number;
  readonly rejected: number;
  /** Sum of price × quantity over the fills; empty before the first. */
  readonly notional: string;
  readonly executionCount: number;
  /** The newest executions only, so that a record stays small. */
  readonly executions: readonly ExecutionNote[];
}

export interface ExecutionNote {
  readonly executionId: string;
  readonly kind: Execution["kind"];
  readonly quantity: number;
  readonly price?: string;
  readonly reason?: string;
  readonly exchangeOrderId: string;
  /** Epoch ms at the exchange. */
  readonly time: number;
}

/** The state of an order. `executed + rejected + open = ordered`, always. */
export interface OrderState {
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly ordered: number;
  readonly executed: number;
  readonly rejected: number;
  readonly open: number;
  readonly averagePrice?: string;
  readonly executionCount: number;
  readonly executions: readonly ExecutionNote[];
}

const maxNotes = 20;

const empty: OrderRecord = { executed: 0, rejected: 0, notional: "", executionCount: 0, executions: [] };

/**
 * Adds the order to its record. `placedAt` tells orders apart whose client has used an id again after the dedupe
 * window: the later one starts anew.
 */
export function noteOrder(record: OrderRecord | undefined, order: ClientOrder, placedAt: number): OrderRecord {
  const { symbol, side, price, quantity } = order;
  const known = record?.order === undefined || record.order.placedAt === placedAt ? record : undefined;
  return { ...(known ?? empty), order: { symbol, side, price, quantity, placedAt } };
}

export function noteExecution(record: OrderRecord | undefined, execution: Execution): OrderRecord {
  const { executed, rejected, notional, executionCount, executions, ...order } = record ?? empty;
  const filled = execution.kind === "filled" ? execution.quantity : 0;
  return {
    ...order,
    executed: executed + filled,
    rejected: rejected + execution.quantity - filled,
    notional: execution.kind === "filled" ? addNotional(notional, execution.price, execution.quantity) : notional,
    executionCount: executionCount + 1,
    executions: [...executions, toNote(execution)].slice(-maxNotes),
  };
}

/** The order's state; undefined while the order itself is not known. */
export function stateOf(record: OrderRecord | undefined): OrderState | undefined {
  if (record?.order === undefined) return undefined;
  const { symbol, side, price, quantity: ordered } = record.order;
  const { executed, rejected, notional, executionCount, executions } = record;
  return {
    symbol,
    side,
    price,
    ordered,
    executed,
    rejected,
    open: ordered - executed - rejected,
    ...(executed > 0 && { averagePrice: averagePrice(notional, executed) }),
    executionCount,
    executions,
  };
}

export function toNote(execution: Execution): ExecutionNote {
  const { id: executionId, kind, quantity, exchangeOrderId, timestamp: time } = execution;
  const outcome = execution.kind === "filled" ? { price: execution.price } : { reason: execution.reason };
  return { executionId, kind, quantity, ...outcome, exchangeOrderId, time };
}
