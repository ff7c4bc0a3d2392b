import type { ExchangeCancel, ExchangeOrder, ExchangeReport } from "../../../trading/domain/index.ts";

/** A venue in words: fills, rejects and cancels of one exchange order, drawn as they come, and answered cancels. */
export class PlainVenue {
  readonly #order: ExchangeOrder;
  readonly reports: ExchangeReport[] = [];
  #open: number;
  #count = 0;

  constructor(order: ExchangeOrder) {
    this.#order = order;
    this.#open = order.quantity;
  }

  get open(): number {
    return this.#open;
  }

  trade(quantity: number, isReject: boolean): void {
    const part = isReject ? this.#open : Math.min(this.#open, quantity);
    if (part === 0) return;
    this.#open -= part;
    const common = { id: this.#nextId(), exchangeOrderId: this.#order.id, timestamp: 3 };
    this.reports.push(
      isReject
        ? { kind: "rejected", ...common, rejectedQuantity: part, reason: "no" }
        : { kind: "filled", ...common, filledQuantity: part, filledPrice: this.#order.price },
    );
  }

  cancel({ id: cancelId, quantity }: ExchangeCancel): void {
    const part = Math.min(this.#open, quantity);
    this.#open -= part;
    const common = { id: this.#nextId(), exchangeOrderId: this.#order.id, cancelId, timestamp: 3 };
    this.reports.push(
      part === 0
        ? { kind: "cancelRejected", ...common, reason: "done" }
        : { kind: "cancelled", ...common, cancelledQuantity: part, reason: "as asked" },
    );
  }

  #nextId(): string {
    return `${this.#order.id}/${++this.#count}`;
  }
}
