/** The guide's examples of publishing. test/docs/examples.test.ts runs it. */

// #region channels
import { defineChannel, item, PayloadError, withBaggage } from "throughline";
import { z } from "zod";
import { connect } from "./connect.ts";

const orders = defineChannel({
  name: "orders",
  schema: z.object({ id: z.string(), customer: z.string(), cents: z.int().positive() }),
  key: (order) => order.customer, // orders of one customer are handled in their order
  correlation: (order) => ({ "user.id": order.customer, "order.id": order.id }), // what its spans are found by
  dedupe: { windowMs: 3_600_000 }, // an event id is appended once in an hour
});
const invoices = defineChannel({ name: "invoices", schema: z.object({ orderId: z.string() }) });
// #endregion channels

await using backbone = await connect();

// #region publish
const order = { id: "o-1", customer: "ann", cents: 4_200 };
const placed = await backbone.publish(orders, order, { eventId: "order:o-1" });
const again = await backbone.publish(orders, order, { eventId: "order:o-1" });
console.log(again.isRepeat, again.entryId === placed.entryId); // true true: it is in the log once

await backbone.publish(invoices, { orderId: "o-1" }, { causedBy: [placed] }); // a cause: journeys and spans lead back to it
// #endregion publish

// #region together
await backbone.publishAll([
  item(orders, { id: "o-2", customer: "ann", cents: 100 }),
  item(orders, { id: "o-3", customer: "ann", cents: 250 }),
]);
// #endregion together

// #region refused
try {
  await backbone.publish(orders, { id: "o-4", customer: "ann", cents: -1 });
} catch (error) {
  if (!(error instanceof PayloadError)) throw error;
  console.log(error.issues[0]?.path); // nothing was sent
}
// #endregion refused

// #region baggage
await withBaggage({ "tenant.id": "acme" }, () => backbone.publish(invoices, { orderId: "o-2" }));

// #endregion baggage

// #region notifier
import type { NotificationHandler } from "throughline";

/** Knows nothing of Redis, channels or traces. */
async function bill(orderId: string, invoiced: NotificationHandler<{ orderId: string }>): Promise<void> {
  await invoiced.handleNotification({ orderId });
}

await bill("o-3", backbone.notifier(invoices));
// #endregion notifier

for await (const { envelope } of backbone.read(invoices)) console.log(envelope?.payload, envelope?.baggage);
