/** A connection to a venue tells a silent venue from a process that stood still itself. */

import * as assert from "uvu/assert";
import { VenueLink } from "../../../consumers/order-sender/venue-link.ts";
import { startProcess } from "../../support/process.ts";
import { test } from "../../support/test.ts";

/** Keeps this process's thread, as a long computation or a machine that is overrun does. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a process that stood still for longer than a venue may be silent goes on with what has come meanwhile", async () => {
  await using venue = startProcess("test/trading/venue/beating-venue.ts", []);
  const url = await venue.line("ws://");
  const hello = { client: "desk", partition: 0, direction: "reports", fence: { epoch: 1, token: "a" } } as const;
  await using link = await VenueLink.open({ name: "simulated", url }, hello, new AbortController().signal);
  const frames = link.frames();
  await frames.next();
  standStill(1_000);
  for (let n = 0; n < 30; n++) assert.is((await frames.next()).value?.type, "heartbeat");
});
