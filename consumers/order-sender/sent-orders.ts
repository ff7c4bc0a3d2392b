/** The Order Sender's state: what each exchange order that a venue may report about is answered by, until nothing of it is open. */

import { type EventRef, PermanentError } from "throughline";
import type { VenueReport } from "../../trading/domain/index.ts";

/** The name of the store. */
export const sentOrders = "sent-orders";

export interface SentOrder {
  readonly venue: string;
  /** The exchange order: the cause of all that is published about it. */
  readonly order: EventRef;
  /** The order's, for what a report without any becomes. */
  readonly baggage: Readonly<Record<string, string>>;
  readonly open: number;
  /** The last reports that were applied, by their ids. */
  readonly reports: readonly string[];
  /** The cancels that the venue has not answered, by their ids. */
  readonly cancels: Readonly<Record<string, EventRef>>;
}

/**
 * Applies a venue's report. Returns the state after it: the same one where it changes nothing, undefined when nothing more can come.
 * @throws {PermanentError} on a report that contradicts what is known; it names the order
 */
export function applied(sent: SentOrder | undefined, venue: string, report: VenueReport): SentOrder | undefined {
  const about = `report ${report.id} of venue "${venue}"`;
  if (sent === undefined) {
    throw new PermanentError(`${about} is about order ${report.orderId}, which was never sent, or is done`);
  }
  const { open, cancels } = sent;
  if (sent.venue !== venue) {
    throw new PermanentError(`${about} is about order ${report.orderId}, which was sent to venue "${sent.venue}"`);
  }
  if (sent.reports.includes(report.id)) {
    throw new PermanentError(`${about} has come before: order ${report.orderId} has been given it already`);
  }
  const quantity = report.kind === "accepted" || report.kind === "cancelRejected" ? 0 : report.quantity;
  if (quantity > open) {
    throw new PermanentError(`${about} is for ${quantity} of order ${report.orderId}, of which ${open} is open`);
  }
  if (report.open !== open - quantity) {
    throw new PermanentError(
      `${about} says that ${report.open} of order ${report.orderId} stays open; by the reports before it, ${open - quantity} does`,
    );
  }
  if (report.kind === "accepted") return sent;
  const cancelId = "cancelId" in report ? report.cancelId : undefined;
  if (cancelId !== undefined && cancels[cancelId] === undefined) {
    throw new PermanentError(`${about} answers cancel ${cancelId} of order ${report.orderId}, which nobody asked for`);
  }
  const left = Object.fromEntries(Object.entries(cancels).filter(([id]) => id !== cancelId));
  if (report.open === 0 && Object.keys(left).length === 0) return undefined;
  return { ...sent, open: report.open, cancels: left, reports: [...sent.reports, report.id] };
}
