/** A connection to a venue ends with the reason of its end, and tells a silent venue from a process that stood still itself. */

import * as assert from "uvu/assert";
import { VenueLink, VenueRefusal } from "../../../consumers/order-sender/venue-link.ts";
import { startProcess } from "../../support/process.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { startHostileVenue } from "../../trading/venue/hostile-venue.ts";

const hello = { client: "desk", partition: 0, direction: "reports", fence: { epoch: 1, token: "a" } } as const;
const endless = new AbortController().signal;

/** Keeps this process's thread, as a long computation or a machine that is overrun does. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a process that stood still for longer than a venue may be silent goes on with what has come meanwhile", async () => {
  await using venue = startProcess("test/trading/venue/beating-venue.ts", []);
  const url = await venue.line("ws://");
  await using link = await VenueLink.open({ name: "simulated", url }, hello, endless);
  const frames = link.frames();
  await frames.next();
  standStill(1_000);
  for (let n = 0; n < 30; n++) assert.is((await frames.next()).value?.type, "heartbeat");
});

test("a frame that is none of the protocol ends the connection, and the reason names what is wrong with it", async () => {
  await using venue = await startHostileVenue();
  const bad: readonly (readonly [frame: unknown, reason: RegExp])[] = [
    ["no json", /\(garbage\): the frame is no JSON/],
    ["null", /\(garbage\): the frame is none of the protocol/],
    [{ type: "gossip" }, /none of the protocol: type /],
    [{ type: "taken", requests: "many" }, /none of the protocol: requests .*number/],
    [{ type: "taken", requests: -1 }, /none of the protocol: requests /],
    [{ type: "taken", requests: 1, refused: [{ request: 1 }] }, /none of the protocol: refused\.0\.reason /],
    [{ type: "reports", first: 1, reports: {} }, /none of the protocol: reports .*array/],
    [{ type: "heartbeat" }, /none of the protocol: reports /],
    [{ type: "refused", code: "later", reason: "a code of a later venue" }, /\(later\): a code of a later venue/],
  ];
  for (const [i, [frame, reason]] of bad.entries()) {
    await using link = await VenueLink.open(venue.address, hello, endless);
    const session = await venue.session("reports", i + 1);
    session.send(frame);
    await rejects(link.frames().next(), VenueRefusal, reason);
  }
});

test("a welcome without its numbers, or with heartbeats that nobody can keep, is none", async () => {
  for (const [welcome, reason] of [
    [{ requests: "many" }, /none of the protocol: requests /],
    [{ heartbeatMs: 1 }, /none of the protocol: heartbeatMs /],
    [{ journal: null }, /none of the protocol: journal /],
  ] as const) {
    await using venue = await startHostileVenue(() => welcome);
    await rejects(VenueLink.open(venue.address, hello, endless), VenueRefusal, reason);
  }
});

test("fields of a later venue are left alone", async () => {
  await using venue = await startHostileVenue(() => ({ motto: "later" }));
  await using link = await VenueLink.open(venue.address, hello, endless);
  const session = await venue.session("reports");
  session.send({ type: "heartbeat", reports: 3, mood: "good" });
  assert.equal((await link.frames().next()).value, { type: "heartbeat", reports: 3, mood: "good" });
});
