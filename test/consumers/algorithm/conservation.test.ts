/** The Algorithm conserves the quantity of every client order, whatever is reported and cancelled in whichever order. */

import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import * as assert from "uvu/assert";
import type { Event } from "../../../src/index.ts";
import {
  type ClientCancel,
  clientOrderEventId,
  type ExchangeOrder,
  type ExchangeReport,
  type ExchangeRequest,
  Execution,
  exchangeOrders,
  executions,
  isCancel,
  quantityOf,
  ExchangeRequest as schema,
} from "../../../trading/domain/index.ts";
import { test } from "../../support/test.ts";
import { FakeBackbone, type Published } from "../../trading/fake-tools.ts";
import { batches, orderEvent, sum } from "../../trading/orders-of.ts";
import { PlainVenue } from "./plain-venue.ts";
import { algorithm, cancelEvent, openOrders, report } from "./reporting.ts";

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
            assert.not("issues" in schema["~standard"].validate(one), one.id);
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
