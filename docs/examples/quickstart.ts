/** The README's ten lines, and the guide's first step. test/docs/examples.test.ts runs it. */

// #region quickstart
import { connectBackbone, defineChannel, on } from "throughline";
import { z } from "zod";

const payments = defineChannel({ name: "payments", schema: z.object({ id: z.string(), cents: z.int().positive() }) });
const { REDIS_URL: url = "redis://127.0.0.1:6379", NAMESPACE: namespace = "shop" } = process.env;
const backbone = await connectBackbone({ url, namespace });
const ledger = backbone.component("ledger", [
  on(payments, ({ payload }) => console.log(`booked ${payload.id}: ${payload.cents} cents`)),
]);
ledger.run(); // handles events until it is drained
const paid = await backbone.publish(payments, { id: "p-1", cents: 4_200 });
console.log(await ledger.whenSettled(paid)); // "acked"
await backbone.close(); // drains the component
// #endregion quickstart
