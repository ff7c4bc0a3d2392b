/** The venue without clock, chance, disk and network: applies commands to its books, and makes the reports. */

import type { Side } from "../domain/fields.ts";
import type { CancelOrder, NewOrder, VenueReport, VenueTotals } from "../domain/venue.ts";
import type { Command, Direction, SessionFence } from "./commands.ts";
import { crosses, OrderBook, opposite, type Resting, ticksOf } from "./order-book.ts";

/** An order that was taken, and is remembered for ever: its id stands for it. */
export interface TakenOrder extends Resting {
  readonly terms: NewOrder;
  readonly session: SessionState;
  readonly symbol: string;
  /** When what rests of it expires. */
  readonly expiresAt: number | undefined;
  rests: boolean;
}

/** What the venue keeps of a client's partition. */
export interface SessionState {
  readonly client: string;
  readonly partition: number;
  /** The number of the last request. */
  requests: number;
  /** All reports; the first one has the number 1. */
  readonly reports: VenueReport[];
  readonly fences: { [D in Direction]?: SessionFence };
}

interface Client {
  readonly orders: Map<string, TakenOrder>;
  readonly cancels: Set<string>;
  readonly totals: { -readonly [T in keyof VenueTotals]: VenueTotals[T] };
}

type OrderCommand = Extract<Command, { do: "order" }>;

/** A report before it has an id and what is left of the order. */
type Outcome = VenueReport extends infer R
  ? R extends VenueReport
    ? Omit<R, "id" | "orderId" | "open" | "at">
    : never
  : never;

export class Engine {
  readonly #journal: string;
  readonly #changed: (session: SessionState) => void;
  readonly #sessions = new Map<string, SessionState>();
  readonly #clients = new Map<string, Client>();
  readonly #books = new Map<string, OrderBook<TakenOrder>>();
  #reports = 0;

  /** `journal` makes the ids of reports unique; `changed` is called with each session that has got a report or a request. */
  constructor(journal: string, changed: (session: SessionState) => void = () => undefined) {
    this.#journal = journal;
    this.#changed = changed;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  session(client: string, partition: number): SessionState {
    const name = `${client}/${partition}`;
    let session = this.#sessions.get(name);
    if (session === undefined) {
      session = { client, partition, requests: 0, reports: [], fences: {} };
      this.#sessions.set(name, session);
    }
    return session;
  }

  knows(client: string, partition: number): boolean {
    return this.#sessions.has(`${client}/${partition}`);
  }

  order(client: string, orderId: string): TakenOrder | undefined {
    return this.#clients.get(client)?.orders.get(orderId);
  }

  hasCancel(client: string, cancelId: string): boolean {
    return this.#clients.get(client)?.cancels.has(cancelId) ?? false;
  }

  sessions(): Iterable<SessionState> {
    return this.#sessions.values();
  }

  hasResting(symbol: string, side: Side): boolean {
    return this.#books.get(symbol)?.best(side) !== undefined;
  }

  /** Orders that rest, of all clients. */
  *resting(): Iterable<TakenOrder> {
    for (const { orders } of this.#clients.values()) for (const order of orders.values()) if (order.rests) yield order;
  }

  /** The totals of one client, or of all. */
  totals(client?: string): VenueTotals {
    const sum = { ...nothing };
    for (const [name, { totals }] of this.#clients) {
      if (client !== undefined && name !== client) continue;
      for (const what of Object.keys(sum) as (keyof VenueTotals)[]) sum[what] += totals[what];
    }
    return sum;
  }

  apply(command: Command): void {
    switch (command.do) {
      case "fence":
        this.session(command.client, command.partition).fences[command.direction] = command.fence;
        return;
      case "order": {
        this.#enter(this.#count(command), command);
        return;
      }
      case "cancel":
        this.#cancel(this.#count(command), command.at, command.cancel);
        return;
      case "skip":
        this.#count(command);
        return;
      case "visit":
        this.#visit(command.at, command.symbol, command.side, command.quantity);
        return;
      case "end": {
        const order = this.order(command.client, command.orderId);
        if (order !== undefined && order.open > 0) this.#end(order, command.at, command.how, command.reason);
      }
    }
  }

  #count({ client, partition, request }: { client: string; partition: number; request: number }): SessionState {
    const session = this.session(client, partition);
    session.requests = request;
    this.#changed(session);
    return session;
  }

  #enter(session: SessionState, { at, order: terms, expiresAt, reject, taken = 0 }: OrderCommand): void {
    const { symbol, side, price, quantity } = terms;
    const ticks = ticksOf(price);
    const order: TakenOrder = { terms, session, symbol, side, ticks, expiresAt, open: quantity, rests: false };
    const client = this.#client(session.client);
    client.orders.set(terms.orderId, order);
    client.totals.orders++;
    client.totals.ordered += quantity;
    client.totals.open += quantity;
    if (reject !== undefined) {
      this.#end(order, at, "rejected", reject);
      return;
    }
    this.#report(order, at, { kind: "accepted", quantity });
    this.#match(order, at);
    if (terms.orderType === "market") {
      const passing = Math.min(order.open, taken);
      if (passing > 0) this.#fill(order, at, passing, price);
      if (order.open > 0)
        this.#end(order, at, "cancelled", "no more at this price or better: a market order does not rest");
    } else if (order.open > 0) {
      order.rests = true;
      this.#book(symbol).add(order);
    }
  }

  /** Trades a new order with what rests on the other side, at the prices that rest there. */
  #match(order: TakenOrder, at: number): void {
    const book = this.#book(order.symbol);
    while (order.open > 0) {
      const resting = book.best(opposite(order.side));
      if (resting === undefined || !crosses(order.side, order.ticks, resting.ticks)) return;
      const quantity = Math.min(order.open, resting.open);
      this.#fill(resting, at, quantity, resting.terms.price);
      this.#fill(order, at, quantity, resting.terms.price);
    }
  }

  #visit(at: number, symbol: string, side: Side, quantity: number): void {
    const book = this.#book(symbol);
    for (let left = quantity; left > 0; ) {
      const resting = book.best(side);
      if (resting === undefined) return;
      const part = Math.min(left, resting.open);
      this.#fill(resting, at, part, resting.terms.price);
      left -= part;
    }
  }

  #cancel(session: SessionState, at: number, { cancelId, orderId, quantity }: CancelOrder): void {
    const client = this.#client(session.client);
    client.cancels.add(cancelId);
    const order = client.orders.get(orderId);
    if (order === undefined || order.open === 0) {
      const reason = order === undefined ? "the venue has no such order" : "nothing of the order is open any more";
      this.#append(session, { kind: "cancelRejected", id: this.#nextId(), orderId, open: 0, at, cancelId, reason });
      return;
    }
    const part = Math.min(order.open, quantity ?? order.open);
    this.#take(order, part, "cancelled");
    this.#report(order, at, { kind: "cancelled", quantity: part, reason: "as asked", cancelId });
  }

  #fill(order: TakenOrder, at: number, quantity: number, price: string): void {
    this.#take(order, quantity, "filled");
    this.#client(order.session.client).totals.fills++;
    this.#report(order, at, { kind: "filled", quantity, price });
  }

  #end(order: TakenOrder, at: number, kind: "rejected" | "cancelled", reason: string): void {
    const quantity = order.open;
    this.#take(order, quantity, kind);
    this.#report(order, at, { kind, quantity, reason });
  }

  /** Moves a quantity from open to done. */
  #take(order: TakenOrder, quantity: number, to: "filled" | "rejected" | "cancelled"): void {
    order.open -= quantity;
    const { totals } = this.#client(order.session.client);
    totals.open -= quantity;
    totals[to] += quantity;
    if (order.open > 0 || !order.rests) return;
    order.rests = false;
    this.#book(order.symbol).remove(order);
  }

  #report(order: TakenOrder, at: number, outcome: Outcome): void {
    const { session, open } = order;
    const { orderId } = order.terms;
    this.#append(session, { ...outcome, id: this.#nextId(), orderId, open, at } as VenueReport);
  }

  #append(session: SessionState, report: VenueReport): void {
    session.reports.push(report);
    this.#changed(session);
  }

  #nextId(): string {
    return `${this.#journal}-${++this.#reports}`;
  }

  #book(symbol: string): OrderBook<TakenOrder> {
    const known = this.#books.get(symbol);
    if (known !== undefined) return known;
    const book = new OrderBook<TakenOrder>();
    this.#books.set(symbol, book);
    return book;
  }

  #client(name: string): Client {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = { orders: new Map(), cancels: new Set(), totals: { ...nothing } };
      this.#clients.set(name, client);
    }
    return client;
  }
}

const nothing: VenueTotals = { orders: 0, ordered: 0, filled: 0, rejected: 0, cancelled: 0, open: 0, fills: 0 };
