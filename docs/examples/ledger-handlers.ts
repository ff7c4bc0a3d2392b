/** A component's channels and handlers, apart from any process: what runs live is what a replay runs. test/docs/examples.test.ts runs it. */

// #region handlers
import { type Channel, defineChannel, on, type Subscription } from "throughline";
import { z } from "zod";

export interface Payment {
  readonly id: string;
  readonly account: string;
  readonly cents: number;
}
export interface Receipt {
  readonly paymentId: string;
  readonly balanceCents: number;
}

export const payments: Channel<Payment> = defineChannel({
  name: "payments",
  schema: z.object({ id: z.string(), account: z.string(), cents: z.int().positive() }),
  key: ({ account }) => account, // payments of one account keep their order
  correlation: ({ id, account }) => ({ "payment.id": id, "user.id": account }), // what spans, journeys and differences are found by
});
export const receipts: Channel<Receipt> = defineChannel({
  name: "receipts",
  schema: z.object({ paymentId: z.string(), balanceCents: z.int() }),
});

export const outputs: readonly Channel<unknown>[] = [receipts];
export const subscriptions: readonly Subscription[] = [
  on(payments, async ({ payload: { id, account, cents } }, { publish, state }) => {
    const balances = state<number>("balances");
    const balanceCents = ((await balances.get(account)) ?? 0) + cents;
    balances.set(account, balanceCents);
    await publish(receipts, { paymentId: id, balanceCents });
  }),
];
// #endregion handlers
