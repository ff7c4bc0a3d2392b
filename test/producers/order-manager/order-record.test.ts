/** An order's record: executed, rejected and open always add up to what was ordered. */

import * as assert from "uvu/assert";
import { keepExecutions, keepOrders } from "../../../producers/order-manager/handlers.ts";
import { orderStore } from "../../../producers/order-manager/index.ts";
import { noteExecution, noteOrder, type OrderRecord, stateOf } from "../../../producers/order-manager/order-record.ts";
import { type Execution, executions } from "../../../trading/domain/index.ts";
import { test } from "../../support/test.ts";
import { eventOf, FakeBackbone } from "../../trading/fake-tools.ts";
import { order, orderEvent } from "../../trading/orders-of.ts";

function execution(n: number, quantity: number, price?: string): Execution {
  const common = {
    id: `f-${n}/0`,
    clientOrderId: "c-1",
    userId: "ann",
    exchangeOrderId: "xo-1",
    fillId: `f-${n}`,
    quantity,
    timestamp: n,
  };
  return price === undefined ? { kind: "rejected", ...common, reason: "closed" } : { kind: "filled", ...common, price };
}

test("adds up executed, rejected and open, with the exact average price", () => {
  let record = noteOrder(undefined, order(), 1);
  record = noteExecution(record, execution(1, 30, "0.1"));
  record = noteExecution(record, execution(2, 30, "0.2"));
  record = noteExecution(record, execution(3, 25));
  const { executed, rejected, open, averagePrice, executionCount, executions } = stateOf(record) ?? {};
  assert.equal([executed, rejected, open, averagePrice, executionCount], [60, 25, 15, "0.15", 3]);
  assert.equal(
    executions?.map(({ kind, quantity, price, reason }) => [kind, quantity, price, reason]),
    [
      ["filled", 30, "0.1", undefined],
      ["filled", 30, "0.2", undefined],
      ["rejected", 25, undefined, "closed"],
    ],
  );
});

test("is the same whether the order or its executions come first", () => {
  const execute = (record: OrderRecord | undefined): OrderRecord => noteExecution(record, execution(1, 30, "577.5"));
  assert.equal(noteOrder(execute(undefined), order(), 1), execute(noteOrder(undefined, order(), 1)));
  assert.is(stateOf(execute(undefined)), undefined);
});

test("starts anew with a later order under the same id", () => {
  const done = noteExecution(noteOrder(undefined, order(), 1), execution(1, 100, "577.5"));
  const state = stateOf(noteOrder(done, order({ quantity: 7 }), 2));
  assert.equal([state?.ordered, state?.executed, state?.open], [7, 0, 7]);
});

test("keeps the newest executions and the sums of all", () => {
  let record = noteOrder(undefined, order(), 1);
  for (let n = 1; n <= 100; n++) record = noteExecution(record, execution(n, 1, "577.5"));
  const state = stateOf(record);
  assert.equal([state?.executed, state?.open, state?.executionCount, state?.executions.length], [100, 0, 100, 20]);
  assert.is(state?.executions.at(-1)?.executionId, "f-100/0");
});

test("is kept per user and order by the component, several events of one order in a batch included", async () => {
  const backbone = new FakeBackbone();
  await backbone.deliver((tools) => keepOrders([orderEvent(), orderEvent({ userId: "bob", quantity: 5 })], tools));
  const events = [1, 2, 3].map((n) => eventOf(executions, execution(n, 20, "577.5"), `e-${n}`));
  await backbone.deliver((tools) => keepExecutions(events, tools));
  const stateFor = (key: string): readonly (number | undefined)[] => {
    const state = stateOf(JSON.parse(backbone.stores.get(orderStore)?.get(key) ?? "{}"));
    return [state?.ordered, state?.executed, state?.open];
  };
  assert.equal(stateFor("ann:c-1"), [100, 60, 40]);
  assert.equal(stateFor("bob:c-1"), [5, 0, 5]);
});
