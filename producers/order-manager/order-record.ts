/** The record of one client order: a pure fold over the order and its executions. */

import {
  addNotional,
  averagePrice,
  type ClientOrder,
  type Execution,
  quantityOf,
  type Side,
} from "../../trading/domain/index.ts";

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
  /** Absent in records from before there were cancels. */
  readonly cancelled?: number;
  /** Sum of price × quantity over the fills; empty before the first. */
  readonly notional: string;
  readonly executionCount: number;
  /** The newest executions only, so that a record stays small. */
  readonly executions: readonly ExecutionNote[];
}

export interface ExecutionNote {
  readonly executionId: string;
  readonly kind: Execution["kind"];
  /** Absent where a cancel was rejected; then `cancelId` says which. */
  readonly quantity?: number;
  readonly price?: string;
  readonly reason?: string;
  readonly exchangeOrderId?: string;
  /** The client's own. */
  readonly cancelId?: string;
  /** Epoch ms at the exchange. */
  readonly time: number;
}

/** The state of an order. `executed + rejected + cancelled + open = ordered`, always. */
export interface OrderState {
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly ordered: number;
  readonly executed: number;
  readonly rejected: number;
  readonly cancelled: number;
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
  const { executed, rejected, cancelled = 0, notional, executionCount, executions, ...order } = record ?? empty;
  const quantity = quantityOf(execution);
  const of = (kind: Execution["kind"]): number => (execution.kind === kind ? quantity : 0);
  return {
    ...order,
    executed: executed + of("filled"),
    rejected: rejected + of("rejected"),
    cancelled: cancelled + of("cancelled"),
    notional: execution.kind === "filled" ? addNotional(notional, execution.price, quantity) : notional,
    executionCount: executionCount + 1,
    executions: [...executions, toNote(execution)].slice(-maxNotes),
  };
}

/** The order's state; undefined while the order itself is not known. */
export function stateOf(record: OrderRecord | undefined): OrderState | undefined {
  if (record?.order === undefined) return undefined;
  const { symbol, side, price, quantity: ordered } = record.order;
  const { executed, rejected, cancelled = 0, notional, executionCount, executions } = record;
  return {
    symbol,
    side,
    price,
    ordered,
    executed,
    rejected,
    cancelled,
    open: ordered - executed - rejected - cancelled,
    ...(executed > 0 && { averagePrice: averagePrice(notional, executed) }),
    executionCount,
    executions,
  };
}

export function toNote(execution: Execution): ExecutionNote {
  const { id: executionId, kind, timestamp: time } = execution;
  if (execution.kind === "cancelRejected") {
    const { cancelId, reason } = execution;
    return { executionId, kind: "cancelRejected", cancelId, reason, time };
  }
  const { quantity, exchangeOrderId } = execution;
  const outcome = execution.kind === "filled" ? { price: execution.price } : { reason: execution.reason };
  return { executionId, kind, quantity, ...outcome, exchangeOrderId, time };
}
