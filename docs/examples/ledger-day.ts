/** A day of the ledger: five payments, booked. test/docs/examples.test.ts runs it. */

import { connect } from "./connect.ts";
import { payments, subscriptions } from "./ledger-handlers.ts";

await using backbone = await connect();
const ledger = backbone.component("ledger", subscriptions);
const running = ledger.run();
const day = ["acme 4200", "bolt 12500", "acme 900", "bolt 700", "cask 3000"];
for (const [i, line] of day.entries()) {
  const [account = "", cents] = line.split(" ");
  await backbone.publish(
    payments,
    { id: `p-${i + 1}`, account, cents: Number(cents) },
    { eventId: `payment:p-${i + 1}` },
  );
}
await ledger.whenIdle();
await ledger.drain();
await running;
