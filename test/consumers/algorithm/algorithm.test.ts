/** The Algorithm's handlers: every client order's quantity is conserved, whatever is netted, sliced, filled and rejected. */

import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { applyReport } from "../../../consumers/algorithm/handlers.ts";
import { netAndSlice } from "../../../consumers/algorithm/netting.ts";
import { type Event, PermanentError } from "../../../src/index.ts";
import {
  type ClientCancel,
  type ClientOrder,
  clientOrderEventId,
  clientOrders,
  type ExchangeCancel,
  type ExchangeOrder,
  type ExchangeReport,
  type ExchangeRequest,
  Execution,
  exchangeOrders,
  executions,
  fills,
  isCancel,
  quantityOf,
  ExchangeRequest as schema,
} from "../../../trading/domain/index.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { eventOf, FakeBackbone, type Published } from "../../trading/fake-tools.ts";
import { batches, orderEvent, sum } from "../../trading/orders-of.ts";

const algorithm = netAndSlice("simulated", { maxQuantity: 1_000, maxSlices: 100 });

function fill(order: ExchangeOrder, id: string, filledQuantity: number): ExchangeReport {
  return { kind: "filled", id, exchangeOrderId: order.id, filledQuantity, filledPrice: order.price, timestamp: 2 };
}

async function report(backbone: FakeBackbone, payload: ExchangeReport): Promise<void> {
  await backbone.deliver((tools) => applyReport(eventOf(fills, payload, `event-${payload.id}`), tools));
}

function openOrders(backbone: FakeBackbone): number {
  return backbone.stores.get("open-orders")?.size ?? 0;
}

test("nets two clients' orders into one exchange order that names both as parents and causes", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  const bob = orderEvent({ id: "b", userId: "bob", quantity: 40, price: "577.50" });
  await backbone.deliver((tools) => algorithm([ann, bob], tools));
  const [sent] = backbone.published as [Published];
  const { id, ...exchangeOrder } = sent.payload as ExchangeOrder;
  assert.match(id, /^xo-[0-9a-f]{24}-0$/);
  assert.equal(exchangeOrder, {
    parentClientOrderIds: ["a", "b"],
    userIds: ["ann", "bob"],
    symbol: "AAPL",
    side: "buy",
    price: "577.5",
    quantity: 100,
    exchange: "simulated",
  });
  assert.equal(
    sent.causedBy.map((cause) => cause.id),
    [ann.id, bob.id],
  );
  assert.is(backbone.published.length, 1);
});

test("allocates partial fills to both clients, each caused by its own order, and forgets the order when it is complete", async () => {
  const backbone = new FakeBackbone();
  const events = [
    orderEvent({ id: "a", userId: "ann", quantity: 60 }),
    orderEvent({ id: "b", userId: "bob", quantity: 40 }),
  ];
  await backbone.deliver((tools) => algorithm(events, tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await report(backbone, fill(order, "f-1", 70));
  assert.is(openOrders(backbone), 1);
  await report(backbone, fill(order, "f-2", 30));
  assert.is(openOrders(backbone), 0);
  const published = backbone.published.filter((one) => one.channel === executions.name);
  assert.equal(
    published.map(({ payload, causedBy }) => {
      const execution = payload as Execution;
      const { id, userId, kind } = execution;
      return [id, kind, userId, quantityOf(execution), causedBy.map((cause) => cause.id)];
    }),
    [
      ["f-1/0", "filled", "ann", 60, [events[0]?.id]],
      ["f-1/1", "filled", "bob", 10, [events[1]?.id]],
      ["f-2/1", "filled", "bob", 30, [events[1]?.id]],
    ],
  );
});

test("applies a report that the exchange repeats once", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => algorithm([orderEvent()], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await report(backbone, fill(order, "f-1", 30));
  await report(backbone, fill(order, "f-1", 30));
  assert.equal(backbone.on(executions).map(quantityOf), [30]);
});

test("refuses for good a report of an order that is not open, and one of more than is open", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => algorithm([orderEvent()], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await rejects(report(backbone, fill({ ...order, id: "xo-unknown" }, "f-1", 1)), PermanentError, /which is not open/);
  await rejects(report(backbone, fill(order, "f-1", 101)), PermanentError, /only 100 of .* is open/);
  await report(backbone, fill(order, "f-2", 100));
  assert.is(sum(backbone.on(executions).map(quantityOf)), 100);
});

test("gives a batch that is handled again the same exchange order ids, and a later order of the same id another", async () => {
  const idsOf = async (time: number): Promise<readonly string[]> => {
    const backbone = new FakeBackbone();
    await backbone.deliver((tools) => algorithm([orderEvent({ quantity: 2_500 }, time)], tools));
    return backbone.on(exchangeOrders).map((order) => order.id);
  };
  assert.equal(await idsOf(1), await idsOf(1));
  assert.is(new Set([...(await idsOf(1)), ...(await idsOf(2))]).size, 6);
});

/** A venue in words: fills, rejects and cancels of one exchange order, drawn as they come, and answered cancels. */
class PlainVenue {
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

function cancelEvent(order: ClientOrder, id: string): Event<ClientCancel> {
  const { userId, symbol, id: orderId } = order;
  return eventOf(clientOrders, { kind: "cancel", id, userId, symbol, orderId }, `cancel-${id}`) as Event<ClientCancel>;
}

test("a cancel asks the exchange for what is open of the client's shares, and what is cancelled is the client's own", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  const bob = orderEvent({ id: "b", userId: "bob", quantity: 40 });
  await backbone.deliver((tools) => algorithm([ann, bob, cancelEvent(ann.payload, "c-1")], tools));
  const [order, cancel] = backbone.on(exchangeOrders) as [ExchangeOrder, ExchangeCancel];
  assert.equal(
    [cancel.kind, cancel.exchangeOrderId, cancel.quantity, cancel.userId, cancel.clientOrderId],
    ["cancel", order.id, 60, "ann", "a"],
  );
  // Whoever wants out is served last, whatever the venue fills before the cancel reaches it.
  await report(backbone, fill(order, "f-1", 50));
  await report(backbone, {
    ...{ kind: "cancelled", id: "x-1", exchangeOrderId: order.id, cancelledQuantity: 50, reason: "as asked" },
    ...{ cancelId: cancel.id, timestamp: 3 },
  });
  assert.equal(
    backbone.on(executions).map((one) => [one.kind, one.userId, quantityOf(one)]),
    [
      ["filled", "ann", 10],
      ["filled", "bob", 40],
      ["cancelled", "ann", 50],
    ],
  );
  assert.equal([openOrders(backbone), backbone.stores.get("client-orders")?.size], [0, 0]);
});

test("a cancel of an order that is unknown, done, another user's or being cancelled already is rejected in words", async () => {
  const backbone = new FakeBackbone();
  const ann = orderEvent({ id: "a", userId: "ann", quantity: 60 });
  await backbone.deliver((tools) => algorithm([ann], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  const ask = (cancel: Event<ClientCancel>) => backbone.deliver((tools) => algorithm([cancel], tools));
  await ask(cancelEvent({ ...ann.payload, userId: "bob" }, "foreign"));
  await ask(cancelEvent({ ...ann.payload, id: "never" }, "unknown"));
  await ask(cancelEvent(ann.payload, "first"));
  await ask(cancelEvent(ann.payload, "second"));
  await report(backbone, fill(order, "f-1", 60));
  await ask(cancelEvent(ann.payload, "late"));
  const refusals = backbone.on(executions).flatMap((one) => (one.kind === "cancelRejected" ? [one] : []));
  assert.equal(
    refusals.map(({ cancelId, userId, reason }) => [cancelId, userId, reason.split(" ").slice(0, 4).join(" ")]),
    [
      ["foreign", "bob", "you have no order"],
      ["unknown", "ann", "you have no order"],
      ["second", "ann", "the order is being"],
      ["late", "ann", "you have no order"],
    ],
  );
  for (const one of refusals) assert.ok(Execution.safeParse(one).success);
  // The venue still has to answer the first one, which crossed with the fill.
  assert.is(openOrders(backbone), 1);
  const [, cancel] = backbone.on(exchangeOrders) as [ExchangeOrder, ExchangeCancel];
  const answer = {
    kind: "cancelRejected",
    exchangeOrderId: order.id,
    cancelId: cancel.id,
    reason: "done",
    timestamp: 4,
  } as const;
  await report(backbone, { id: "x-1", ...answer });
  assert.is(openOrders(backbone), 0);
  assert.equal(backbone.on(executions).at(-1)?.kind, "cancelRejected");
  await rejects(report(backbone, { id: "x-2", ...answer }), PermanentError, /is not open/);
});

test("market orders are netted with market orders alone, and are sent as such", async () => {
  const backbone = new FakeBackbone();
  const orders = ["limit", "market", "market"].map((orderType, n) =>
    orderEvent({ id: `o-${n}`, orderType: orderType as "limit" }),
  );
  await backbone.deliver((tools) => algorithm(orders, tools));
  const sent = backbone.on(exchangeOrders) as readonly ExchangeOrder[];
  assert.equal(
    sent.map(({ orderType, quantity }) => [orderType, quantity]),
    [
      [undefined, 100],
      ["market", 200],
    ],
  );
});

test("conserves the quantity of every client order and keeps no state when all is reported, whatever is cancelled meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(batches, { minLength: 1, maxLength: 2 }),
      fc.constantFrom(0, 0.3, 1),
      fc.constantFrom(0, 0.3, 1),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      async (batchesOf, rejectRate, cancelRate, draws) => {
        await setImmediate(); // else the loop never turns, and the file looks stuck
        const draw = (): number => draws.next().value as number;
        const backbone = new FakeBackbone();
        const ordered = new Map<string, number>();
        const cancels: Event<ClientCancel>[] = [];
        for (const [n, batch] of batchesOf.entries()) {
          const events = batch.map(({ payload }) => orderEvent({ ...payload, id: `${n}.${payload.id}` }));
          for (const { id, payload } of events) ordered.set(id, payload.quantity);
          const asked = events.flatMap(({ payload }) =>
            draw() < cancelRate ? [cancelEvent(payload, `c-${payload.userId}-${payload.id}`)] : [],
          );
          const early = asked.filter(() => draw() < 0.3);
          cancels.push(...asked.filter((one) => !early.includes(one)));
          await backbone.deliver((tools) => algorithm([...events, ...early], tools));
        }
        const isOrder = (one: ExchangeRequest): one is ExchangeOrder => !isCancel(one);
        const sent = backbone.on(exchangeOrders).filter(isOrder);
        assert.is(new Set(sent.map((order) => order.id)).size, sent.length);
        assert.is(sum(sent.map((order) => order.quantity)), sum([...ordered.values()]));

        const venues = new Map(sent.map((order) => [order.id, new PlainVenue(order)]));
        let seen = 0;
        let toGive: ExchangeRequest[] = [];
        const look = (): void => {
          for (; seen < backbone.published.length; seen++) {
            const { channel, payload } = backbone.published[seen] as Published;
            if (channel === exchangeOrders.name) toGive.push(payload as ExchangeRequest);
          }
        };
        const give = (): void => {
          for (const one of toGive) {
            assert.ok(schema.safeParse(one).success, one.id);
            if (isCancel(one)) venues.get(one.exchangeOrderId)?.cancel(one);
          }
          toGive = [];
        };
        const pick = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length * 0.999)] as T;
        for (;;) {
          look();
          // The client cancels, the venue takes cancels late, trades, and reports late: all in any order.
          const waiting = [...venues.values()].filter(({ reports }) => reports.length > 0);
          const open = [...venues.values()].filter((venue) => venue.open > 0);
          const possible = [
            ...(cancels.length > 0 ? (["cancel"] as const) : []),
            ...(toGive.length > 0 ? (["give"] as const) : []),
            ...(open.length > 0 ? (["trade"] as const) : []),
            ...(waiting.length > 0 ? (["report"] as const) : []),
          ];
          if (possible.length === 0) break;
          const step = pick(possible);
          if (step === "cancel") {
            const cancel = cancels.pop() as Event<ClientCancel>;
            await backbone.deliver((tools) => algorithm([cancel], tools), cancel.id);
          } else if (step === "give") give();
          else if (step === "trade") pick(open).trade(1 + Math.floor(draw() * 2_000), draw() < rejectRate * 0.3);
          else {
            const next = pick(waiting).reports.shift() as ExchangeReport;
            await report(backbone, next);
            const isOpen = backbone.stores.get("open-orders")?.has(next.exchangeOrderId) === true;
            if (isOpen && draw() < 0.2) await report(backbone, next); // repeated
          }
        }

        const executed = new Map<string, number>();
        for (const execution of backbone.on(executions)) {
          assert.ok(Execution.safeParse(execution).success, execution.id);
          const { userId, clientOrderId } = execution;
          const key = clientOrderEventId({ userId, id: clientOrderId });
          executed.set(key, (executed.get(key) ?? 0) + quantityOf(execution));
        }
        assert.equal([...executed].toSorted(), [...ordered].toSorted());
        assert.is(openOrders(backbone), 0);
        assert.is(backbone.stores.get("client-orders")?.size ?? 0, 0);
        const ids = backbone.on(executions).map((execution) => execution.id);
        assert.is(new Set(ids).size, ids.length);
      },
    ),
    { numRuns: 25 },
  );
});
