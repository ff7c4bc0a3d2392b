/** The books of a run, drawn up from the log alone: ordered, executed, rejected and cancelled quantities. */

import type { Backbone, Channel } from "throughline";
import { compareEntryIds as compareIds, entryTime as timeOf } from "throughline";
import {
  ClientRequest,
  ExchangeReport,
  ExchangeRequest,
  Execution,
  isCancel,
  orderKey,
  parseJson,
  quantityOf,
  VenueNotice,
  VenueOrder,
} from "../domain/index.ts";

export const channelNames = [
  "client-orders",
  "exchange-orders",
  "venue-orders",
  "reports",
  "fills",
  "executions",
] as const;

/** Quantities in shares. The rest of `ordered` is open; below 0, more was done than ordered. */
export interface Account {
  readonly ordered: number;
  readonly executed: number;
  readonly rejected: number;
  readonly cancelled: number;
}

export interface OrderAccount extends Account {
  readonly executions: number;
  /** The id of the order's newest entry: a client may use its own id again after the dedupe window. */
  readonly entryId: string;
}

export type ChannelName = (typeof channelNames)[number];

/** The newest entry of each channel at some moment; empty where there was none. */
export type Positions = Readonly<Record<ChannelName, string>>;

/** Of a log that was empty. */
export const noPositions: Positions = Object.fromEntries(channelNames.map((name) => [name, ""])) as Positions;

export interface EntryCount {
  readonly total: number;
  /** The number of entries appended after the positions. */
  readonly fresh: number;
  /** The number of entries that are no valid event of the channel: its components make dead letters of them. */
  readonly unreadable: number;
}

export interface Ledger {
  readonly counts: Readonly<Record<ChannelName, EntryCount>>;
  /** Client orders by `orderKey`. */
  readonly clientOrders: ReadonlyMap<string, OrderAccount>;
  /** The number of clients' cancels. */
  readonly cancels: number;
  /** Exchange orders by their ids. */
  readonly exchangeOrders: ReadonlyMap<string, Account>;
  /** Contradictions in the log: repeated ids, and reports and executions of unknown orders. */
  readonly contradictions: readonly string[];
  /** Times from a fresh client order's append to that of each of its executions, by the server's clock, ascending. */
  readonly latenciesMs: readonly number[];
  /** Time from the first fresh entry's append to the last one's. */
  readonly freshMs: number;
}

export function openOf(account: Account): number {
  return account.ordered - account.executed - account.rejected - account.cancelled;
}

export function sumOf(accounts: Iterable<Account>): Account {
  const sum = { ordered: 0, executed: 0, rejected: 0, cancelled: 0 };
  for (const { ordered, executed, rejected, cancelled } of accounts) {
    sum.ordered += ordered;
    sum.executed += executed;
    sum.rejected += rejected;
    sum.cancelled += cancelled;
  }
  return sum;
}

export async function readPositions(backbone: Pick<Backbone, "read">): Promise<Positions> {
  const newest = async (channel: ChannelName): Promise<[ChannelName, string]> => {
    for await (const { entryId } of backbone.read(channel, { reverse: true, limit: 1 })) return [channel, entryId];
    return [channel, ""];
  };
  return Object.fromEntries(await Promise.all(channelNames.map(newest))) as Record<ChannelName, string>;
}

/** The orders of a run by `orderKey`: those of the file, and those that came otherwise meanwhile. */
export function ordersOfRun(
  { clientOrders }: Ledger,
  fileKeys: ReadonlySet<string> | undefined,
  since: Positions,
): ReadonlyMap<string, OrderAccount> {
  const isOfRun = (key: string, { entryId }: OrderAccount): boolean =>
    fileKeys?.has(key) === true || compareIds(entryId, since["client-orders"]) > 0;
  return new Map([...clientOrders].filter(([key, account]) => isOfRun(key, account)));
}

/** Reads the whole log. `since` separates its fresh entries from those of earlier runs. */
export async function readLedger(backbone: Pick<Backbone, "read">, since: Positions): Promise<Ledger> {
  const clientOrders = new Map<string, OrderAccount>();
  const exchangeOrders = new Map<string, Account>();
  const contradictions: string[] = [];
  const latenciesMs: number[] = [];
  let cancels = 0;
  const counts: Partial<Record<ChannelName, EntryCount>> = {};
  const span = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };

  const each = async <T>(
    channel: ChannelName,
    { "~standard": schema }: Channel<T>["schema"],
    take: (payload: T, entryId: string) => void,
  ): Promise<void> => {
    const count = { total: 0, fresh: 0, unreadable: 0 };
    counts[channel] = count;
    for await (const { entryId, envelope } of backbone.read(channel)) {
      count.total++;
      if (compareIds(entryId, since[channel]) > 0) {
        count.fresh++;
        span.from = Math.min(span.from, timeOf(entryId));
        span.to = Math.max(span.to, timeOf(entryId));
      }
      const read = envelope && (await schema.validate(parseJson(envelope.payload)));
      if (read !== undefined && read.issues === undefined) take(read.value, entryId);
      else count.unreadable++;
    }
  };
  /** True when the id was not there yet; else notes the contradiction. */
  const isFirst = (seen: Set<string>, what: string, id: string): boolean => {
    if (!seen.has(id)) return seen.add(id) !== undefined;
    contradictions.push(`${what} ${id} stands in the log twice`);
    return false;
  };

  await each("client-orders", ClientRequest, (order, entryId) => {
    if (isCancel(order)) {
      cancels++;
      return;
    }
    const key = orderKey(order.userId, order.id);
    const before = clientOrders.get(key);
    clientOrders.set(key, {
      ...nothing,
      executions: 0,
      ...before,
      ordered: (before?.ordered ?? 0) + order.quantity,
      entryId,
    });
  });
  await each("exchange-orders", ExchangeRequest, (request) => {
    if (isCancel(request)) return;
    const { id, quantity } = request;
    if (exchangeOrders.has(id)) contradictions.push(`exchange order ${id} stands in the log twice`);
    exchangeOrders.set(id, { ...nothing, ordered: (exchangeOrders.get(id)?.ordered ?? 0) + quantity });
  });
  await each("venue-orders", VenueOrder, () => undefined);
  await each("reports", VenueNotice, () => undefined);
  const reports = new Set<string>();
  await each("fills", ExchangeReport, (report) => {
    if (!isFirst(reports, "report", report.id)) return;
    const account = exchangeOrders.get(report.exchangeOrderId);
    if (account === undefined) contradictions.push(`report ${report.id} is for an exchange order that nobody sent`);
    else exchangeOrders.set(report.exchangeOrderId, add(account, report));
  });
  const executed = new Set<string>();
  await each("executions", Execution, (execution, entryId) => {
    if (!isFirst(executed, "execution", execution.id)) return;
    const key = orderKey(execution.userId, execution.clientOrderId);
    const account = clientOrders.get(key);
    if (execution.kind === "cancelRejected") return; // it may answer a cancel of no order at all
    if (account === undefined) {
      contradictions.push(`execution ${execution.id} is for a client order that nobody placed`);
      return;
    }
    clientOrders.set(key, { ...add(account, execution), executions: account.executions + 1 });
    if (compareIds(account.entryId, since["client-orders"]) > 0)
      latenciesMs.push(timeOf(entryId) - timeOf(account.entryId));
  });

  return {
    counts: counts as Record<ChannelName, EntryCount>,
    clientOrders,
    exchangeOrders,
    cancels,
    contradictions,
    latenciesMs: latenciesMs.sort((a, b) => a - b),
    freshMs: Math.max(0, span.to - span.from),
  };
}

const nothing: Account = { ordered: 0, executed: 0, rejected: 0, cancelled: 0 };

function add<A extends Account>(account: A, one: ExchangeReport | Execution): A {
  if (one.kind === "cancelRejected") return account;
  const to = one.kind === "filled" ? "executed" : one.kind;
  return { ...account, [to]: account[to] + quantityOf(one) };
}
