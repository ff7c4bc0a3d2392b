/** The guide's example of a whole service. test/docs/examples.test.ts runs it. */

// #region ledger
import { connectBackbone, defineChannel, on } from "throughline";
import { z } from "zod";

const payments = defineChannel({
  name: "payments",
  schema: z.object({ id: z.string(), account: z.string(), cents: z.int().positive() }),
  key: (payment) => payment.account, // payments of one account keep their order
  correlation: (payment) => ({ "payment.id": payment.id }), // what every span of their journey is found by
});
const receipts = defineChannel({
  name: "receipts",
  schema: z.object({ paymentId: z.string(), balanceCents: z.int() }),
});

await using backbone = await connectBackbone({
  url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379",
  namespace: process.env["NAMESPACE"] ?? "shop",
});

const ledger = backbone.component("ledger", [
  on(payments, async ({ payload: payment }, { publish, state }) => {
    const balances = state<number>("balances");
    const balanceCents = ((await balances.get(payment.account)) ?? 0) + payment.cents;
    balances.set(payment.account, balanceCents); // the new balance, the receipt and the acknowledgement …
    await publish(receipts, { paymentId: payment.id, balanceCents }); // … commit together, or not at all
  }),
]);

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort()); // drains: finishes what was started, hands back the rest
const running = ledger.run(stop.signal);

const paid = await backbone.publish(payments, { id: "p-1", account: "acme", cents: 4_200 });
console.log(`payment p-1 was ${await ledger.whenSettled(paid)}`);
console.log(`acme has ${await backbone.view<number>("ledger", "balances").get("acme")} cents`);

stop.abort();
await running;
// #endregion ledger
