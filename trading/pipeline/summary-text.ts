/** Prints a run's summary for a person. */

import Table from "cli-table3";
import { escaped } from "throughline/cli";
import { counted } from "./count-text.ts";
import type { Quantities, Summary } from "./summary.ts";

export function printSummary(summary: Summary): string {
  const {
    file,
    orders,
    books,
    entries,
    deadLetters,
    cancels,
    pace,
    orderToExecutionMs: latency,
    breaches,
    interrupted,
  } = summary;
  const lines: string[] = [];
  if (file !== undefined) {
    const asides = [
      ...(file.known > 0 ? [`${counted(file.known)} already known`] : []),
      ...(file.repeated > 0 ? [`${counted(file.repeated)} repeated`] : []),
      ...(file.skipped > 0 ? [`${counted(file.skipped)} other lines skipped`] : []),
    ];
    lines.push(
      `${escaped(file.path)}: ${counted(file.orders)} orders${asides.length === 0 ? "" : ` (${asides.join(", ")})`}`,
    );
    if (file.known > 0 && file.known + file.repeated === file.orders) {
      lines.push("All of them were known from an earlier run: nothing was ordered again. --fresh starts empty.");
    }
  }

  const counts = new Table({
    head: ["Entries", "in this run", "in the log"],
    colAligns: ["left", "right", "right"],
    style,
  });
  for (const [channel, { fresh, total }] of Object.entries(entries))
    counts.push([channel, counted(fresh), counted(total)]);
  lines.push(counts.toString());

  const quantities = new Table({
    head: ["Quantity", "ordered", "executed", "rejected", "cancelled", "open"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style,
  });
  const row = (name: string, account: Quantities): void => {
    const { ordered, executed, rejected, cancelled, open } = account;
    quantities.push([name, ...[ordered, executed, rejected, cancelled, open].map(counted)]);
  };
  row(`this run: ${counted(orders.count)} orders`, orders);
  row("the log: client orders", books.clientOrders);
  row("the log: exchange orders", books.exchangeOrders);
  row("the venue's own book", books.exchange);
  lines.push(quantities.toString());

  if (cancels > 0) lines.push(`Cancels that clients have asked for: ${counted(cancels)}`);
  if (pace !== undefined) {
    const { durationMs, ordersPerSecond, entriesPerSecond } = pace;
    lines.push(
      `Pace: ${(durationMs / 1_000).toFixed(2)} s, ${counted(ordersPerSecond)} orders/s, ${counted(entriesPerSecond)} entries/s`,
    );
  }
  if (latency !== undefined) {
    lines.push(`From order to execution: p50 ${latency.p50} ms, p99 ${latency.p99} ms, at most ${latency.max} ms`);
  }
  const unreadable = Object.values(entries).reduce((sum, count) => sum + count.unreadable, 0);
  if (unreadable > 0) lines.push(`Entries that are no readable events: ${counted(unreadable)}`);
  if (deadLetters > 0) lines.push(`Dead letters: ${counted(deadLetters)} (throughline status shows where)`);

  if (interrupted && breaches.length > 0) {
    lines.push(
      "Interrupted: what is open stays in the log, and the same command finishes it. The books at this moment:",
    );
    lines.push(...breaches.slice(0, maxBreaches).map((breach) => `  ${escaped(breach)}`));
  } else if (breaches.length === 0) {
    lines.push("Quantity is conserved: the three books agree, nothing stays open.");
  } else {
    lines.push(
      "QUANTITY IS NOT ACCOUNTED FOR:",
      ...breaches.slice(0, maxBreaches).map((breach) => `  ${escaped(breach)}`),
    );
    if (breaches.length > maxBreaches) lines.push(`  and ${counted(breaches.length - maxBreaches)} more`);
  }
  return `${lines.join("\n")}\n`;
}

const maxBreaches = 20;
/** No colours: the output is read in files and logs as well. */
const style = { head: [], border: [] };
