/** The guide's example of a source. test/docs/examples.test.ts runs it. */

// #region channel
import { defineChannel, on, type SourceTools } from "throughline";
import { z } from "zod";
import { connect } from "./connect.ts";

const Booking = z.object({ line: z.int(), account: z.string(), cents: z.int() });
type Booking = z.infer<typeof Booking>;
const bookings = defineChannel({ name: "bookings", schema: Booking, key: (booking) => booking.account });
// #endregion channel

/** The outside system: a bank that numbers the lines of its statement, and whose connections break after two of them. */
async function* statement(from: number): AsyncGenerator<Booking> {
  const lines = [4_200, 999, -1_500, 120, 75].map((cents, i) => ({ line: i + 1, account: "acme", cents }));
  for (const line of lines.slice(from - 1, from + 1)) yield line;
  if (from + 1 < lines.length) throw new Error("the bank has hung up");
}

await using backbone = await connect();

// #region run
async function readStatement({ position, signal, append }: SourceTools<Booking>): Promise<void> {
  const next = position === undefined ? 1 : Number(position) + 1; // where the last append left off
  for await (const booking of statement(next)) {
    await append([{ payload: booking, eventId: `bank:${booking.line}` }], String(booking.line));
    if (signal.aborted) return; // another process goes on
  }
}

await using bank = backbone.source("bank", bookings, readStatement);
// #endregion run

const seen: number[] = [];
const done = Promise.withResolvers<void>();
await using ledger = backbone.component("ledger", [
  on(bookings, async ({ payload }) => {
    console.log(`line ${payload.line}: ${payload.cents}`);
    if (seen.push(payload.line) === 5) done.resolve();
  }),
]);
const running = ledger.run();
await done.promise;
await ledger.drain();
await running;

// #region status
for (const { source, partition, position } of (await backbone.status()).sources)
  console.log(`${source} ${partition} has read up to ${position}; here: ${bank.owned.includes(partition)}`);
// #endregion status
