/** The guide's example of a channel that changes. test/docs/examples.test.ts runs it. */

// #region versions
import { defineChannel, on } from "throughline";
import { z } from "zod";
import { connect } from "./connect.ts";

/** What a payment was until last month. */
interface PaymentV1 {
  readonly id: string;
  readonly amount: string;
}

const payments = defineChannel({
  name: "payments",
  version: 2,
  schema: z.object({ id: z.string(), cents: z.int(), currency: z.string() }),
  upcast: {
    1: ({ id, amount }: PaymentV1) => ({ id, cents: Math.round(Number(amount) * 100), currency: "EUR" }),
  },
});
// #endregion versions

await using backbone = await connect();

const before = defineChannel({ name: "payments", schema: z.object({ id: z.string(), amount: z.string() }) });
await backbone.publish(before, { id: "p-1", amount: "42.00" });
await backbone.publish(payments, { id: "p-2", cents: 999, currency: "USD" });

await using ledger = backbone.component("ledger", [
  on(payments, ({ payload }) => console.log(payload.id, payload.cents, payload.currency)),
]);
ledger.run();
await ledger.whenIdle();

// #region delayed
const inAnHour = Date.now() + 3_600_000;
await backbone.publish(payments, { id: "p-3", cents: 100, currency: "EUR" }, { dueAt: inAnHour });
// #endregion delayed
