/** The Algorithm's handlers: every client order's quantity is conserved, whatever is netted, sliced, filled and rejected. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { applyReport, netAndSlice } from "../../../consumers/algorithm/handlers.ts";
import { PermanentError } from "../../../src/index.ts";
import {
  type ClientOrder,
  clientOrderEventId,
  type ExchangeOrder,
  type ExchangeReport,
  Execution,
  exchangeOrders,
  executions,
  fills,
  ExchangeOrder as schema,
} from "../../../trading/domain/index.ts";
import { decide, reportsAt } from "../../../trading/venue/behaviour.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { eventOf, FakeBackbone, type Published } from "../../trading/processes/fake-tools.ts";
import { batches, orderEvent, sum } from "../../trading/processes/orders-of.ts";

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
      const { id, userId, quantity, kind } = payload as Execution;
      return [id, kind, userId, quantity, causedBy.map((cause) => cause.id)];
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
  assert.equal(
    backbone.on(executions).map((execution) => execution.quantity),
    [30],
  );
});

test("refuses for good a report of an order that is not open, and one of more than is open", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => algorithm([orderEvent()], tools));
  const [order] = backbone.on(exchangeOrders) as [ExchangeOrder];
  await rejects(report(backbone, fill({ ...order, id: "xo-unknown" }, "f-1", 1)), PermanentError, /which is not open/);
  await rejects(report(backbone, fill(order, "f-1", 101)), PermanentError, /only 100 of .* is open/);
  await report(backbone, fill(order, "f-2", 100));
  assert.is(sum(backbone.on(executions).map((execution) => execution.quantity)), 100);
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

test("conserves the quantity of every client order and keeps no state when all is reported", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(batches, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(0, 0.3, 1),
      fc.string(),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      async (batchesOf, rejectRate, seed, draws) => {
        const backbone = new FakeBackbone();
        const ordered = new Map<string, number>();
        for (const [n, batch] of batchesOf.entries()) {
          const events = batch.map(({ payload }) => orderEvent({ ...payload, id: `${n}.${payload.id}` }));
          for (const { id, payload } of events) ordered.set(id, payload.quantity);
          await backbone.deliver((tools) => algorithm(events, tools));
        }
        const sent = backbone.on(exchangeOrders);
        for (const order of sent) assert.ok(schema.safeParse(order).success, order.id);
        assert.is(new Set(sent.map((order) => order.id)).size, sent.length);
        assert.is(sum(sent.map((order) => order.quantity)), sum([...ordered.values()]));

        // Reports of different orders arrive in any order, those of one in theirs; one in five is repeated.
        const queues = sent.map((order) => {
          const venueOrder = { ...order, clientOrderId: order.id };
          return reportsAt(decide(venueOrder, { seed, maxFills: 4, rejectRate }), 3).map((made): ExchangeReport => {
            const { id, at: timestamp, quantity } = made;
            return made.kind === "filled"
              ? {
                  kind: "filled",
                  id,
                  exchangeOrderId: order.id,
                  filledQuantity: quantity,
                  filledPrice: made.price,
                  timestamp,
                }
              : {
                  kind: "rejected",
                  id,
                  exchangeOrderId: order.id,
                  rejectedQuantity: quantity,
                  reason: made.reason,
                  timestamp,
                };
          });
        });
        const draw = (): number => draws.next().value as number;
        for (let waiting = queues; waiting.length > 0; waiting = waiting.filter((queue) => queue.length > 0)) {
          const queue = waiting[Math.floor(draw() * waiting.length * 0.999)] as ExchangeReport[];
          const next = queue.shift() as ExchangeReport;
          await report(backbone, next);
          if (queue.length > 0 && draw() < 0.2) await report(backbone, next);
        }

        const executed = new Map<string, number>();
        for (const execution of backbone.on(executions)) {
          assert.ok(Execution.safeParse(execution).success, execution.id);
          const { userId, clientOrderId, quantity } = execution;
          const key = clientOrderEventId({ userId, id: clientOrderId } satisfies Pick<ClientOrder, "userId" | "id">);
          executed.set(key, (executed.get(key) ?? 0) + quantity);
        }
        assert.equal(executed, ordered);
        assert.is(openOrders(backbone), 0);
        const ids = backbone.on(executions).map((execution) => execution.id);
        assert.is(new Set(ids).size, ids.length);
      },
    ),
    { numRuns: 50 },
  );
});
