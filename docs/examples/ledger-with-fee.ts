/** The ledger's handler, changed: payments of 100.00 and more cost a fee. test/docs/examples.test.ts replays yesterday with it. */

// #region changed
import { on, type Subscription } from "throughline";
import { payments, receipts } from "./ledger-handlers.ts";

export { outputs } from "./ledger-handlers.ts";
export const subscriptions: readonly Subscription[] = [
  on(payments, async ({ payload: { id, account, cents } }, { publish, state }) => {
    const balances = state<number>("balances");
    const feeCents = cents >= 10_000 ? 25 : 0; // new
    const balanceCents = ((await balances.get(account)) ?? 0) + cents - feeCents;
    balances.set(account, balanceCents);
    await publish(receipts, { paymentId: id, balanceCents });
  }),
];
// #endregion changed
