/** The Algorithm's handler of the exchange's reports: they become executions of the client orders that hold a share. */

import { type Handler, PermanentError } from "throughline";
import { type ExchangeReport, type Execution, executions, quantityOf } from "../../trading/domain/index.ts";
import { allocate } from "./allocate.ts";
import { type OpenOrder, openOrders, type Share, sharesOf } from "./open-orders.ts";

export const applyReport: Handler<ExchangeReport> = async ({ payload: report }, { publish, state }) => {
  const open = state<OpenOrder>(openOrders);
  const order = await open.get(report.exchangeOrderId);
  if (order === undefined) {
    throw new PermanentError(
      `report ${report.id} is for exchange order ${report.exchangeOrderId}, which is not open: it was never sent, or its ` +
        "whole quantity is accounted for already",
    );
  }
  if (order.reports.includes(report.id)) return;

  const parts = partsOf(report, order.shares);
  const cancelId = "cancelId" in report ? report.cancelId : undefined;
  const shares = order.shares.map(({ cancel, ...share }, index) => ({
    ...share,
    open: share.open - (parts[index] as number),
    ...(cancel !== undefined && cancel.id !== cancelId && { cancel }),
  }));
  // A cancel that crossed with the last fill is still to be answered.
  if (shares.some((share) => share.open > 0 || share.cancel !== undefined)) {
    open.set(report.exchangeOrderId, { ...order, shares, reports: [...order.reports, report.id] });
  } else open.delete(report.exchangeOrderId);

  for (const [index, part] of parts.entries()) {
    if (part === 0) continue;
    const share = order.shares[index] as Share;
    if (shares[index]?.open === 0) await sharesOf(state).close(share, report.exchangeOrderId);
    await publish(executions, executionOf(report, share, index, part), { causedBy: [share.order] });
  }
  if (report.kind === "cancelRejected") {
    const { share, index } = asked(report, order.shares);
    const { cancel } = share as Share & { cancel: NonNullable<Share["cancel"]> };
    await publish(
      executions,
      {
        ...{ kind: "cancelRejected", id: `${report.id}/${index}`, cancelId: cancel.clientCancelId },
        ...{ clientOrderId: share.clientOrderId, userId: share.userId },
        ...{ reason: report.reason, timestamp: report.timestamp },
      },
      { causedBy: [cancel.request, share.order] },
    );
  }
};

/** The part of each share in a report's quantity. @throws {PermanentError} where the report contradicts what is known */
function partsOf(report: ExchangeReport, shares: readonly Share[]): readonly number[] {
  const quantity = quantityOf(report);
  const ofOne = "cancelId" in report && report.cancelId !== undefined ? asked(report, shares) : undefined;
  if (report.kind === "cancelRejected" && (ofOne?.share.open ?? 0) > 0) {
    throw new PermanentError(
      `report ${report.id} says that nothing of ${report.exchangeOrderId} was to be cancelled, but ${ofOne?.share.open} of it is open`,
    );
  }
  const serving = ofOne === undefined ? inTurn(shares) : [ofOne.index];
  const given = allocate(
    serving.map((index) => (shares[index] as Share).open),
    quantity,
  );
  if (given === undefined) {
    const left = serving.reduce((sum, index) => sum + (shares[index] as Share).open, 0);
    throw new PermanentError(
      `report ${report.id} is for ${quantity}, but only ${left} of ${report.exchangeOrderId} is open${ofOne === undefined ? "" : ` for ${report.kind}`}`,
    );
  }
  const parts = shares.map(() => 0);
  for (const [n, index] of serving.entries()) parts[index] = given[n] as number;
  return parts;
}

/**
 * The order in which shares are served: by time, but those that are to be cancelled after all others, and the one that was asked for first as the very
 * last. So what the venue cancels, at most what was open when the client asked, is always what is open of that share.
 */
function inTurn(shares: readonly Share[]): readonly number[] {
  const rank = (index: number): number => {
    const turn = shares[index]?.cancel?.turn;
    return turn === undefined ? 0 : Number.MAX_SAFE_INTEGER - turn;
  };
  return shares.map((_, index) => index).sort((a, b) => rank(a) - rank(b) || a - b);
}

/** The share whose cancel a report answers. @throws {PermanentError} */
function asked(report: ExchangeReport, shares: readonly Share[]): { readonly share: Share; readonly index: number } {
  const cancelId = "cancelId" in report ? report.cancelId : undefined;
  const index = shares.findIndex(({ cancel }) => cancel?.id === cancelId && cancelId !== undefined);
  const share = shares[index];
  if (share !== undefined) return { share, index };
  throw new PermanentError(
    `report ${report.id} answers cancel ${cancelId} of ${report.exchangeOrderId}, which nobody asked for`,
  );
}

function executionOf(report: ExchangeReport, share: Share, index: number, quantity: number): Execution {
  const common = {
    id: `${report.id}/${index}`,
    clientOrderId: share.clientOrderId,
    userId: share.userId,
    exchangeOrderId: report.exchangeOrderId,
    fillId: report.id,
    quantity,
    timestamp: report.timestamp,
  };
  if (report.kind === "filled") return { kind: "filled", ...common, price: report.filledPrice };
  return { kind: report.kind === "rejected" ? "rejected" : "cancelled", ...common, reason: report.reason };
}
