/** What an owner has in flight: how much of it, in which order it comes back, and where the position stands. */

import * as assert from "uvu/assert";
import { InFlight } from "../../src/consume/in-flight.ts";
import { on } from "../../src/index.ts";
import { encodeEntry, wireEntry } from "../../src/model/envelope.ts";
import type { StoredEntry } from "../../src/model/stored-entry.ts";
import type { Start } from "../../src/ports/own.ts";
import { things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const channel = things("things");
const start: Start = {
  channel: "things",
  at: "0-0",
  entriesRead: 0,
  open: [],
  counts: [],
  became: "there",
  lost: 0,
  begun: [],
};

function made(maxEntries: number, rest: Partial<Start> = {}): InFlight {
  return new InFlight([{ ...start, ...rest }], new Map([["things", on(channel, () => undefined)]]), maxEntries);
}

function entry(n: number, key = ""): StoredEntry {
  const carrier = { traceparent: "", tracestate: "", baggage: "" };
  const fields = wireEntry(encodeEntry(`e-${n}`, 0, key, JSON.stringify({ n }), carrier, []));
  return { channel: "things", entryId: `${n}-0`, fields };
}

test("takes no more than it may, and reads on when something leaves", () => {
  const inFlight = made(3);
  const taken = [1, 2, 3].map((n) => inFlight.take(entry(n)));
  assert.is(inFlight.mayRead, false);
  const [first] = taken;
  if (first !== undefined) inFlight.leave(first);
  assert.is(inFlight.mayRead, true);
  assert.is(inFlight.room, 1);
});

test("names what is open before the position, however the settlements come", () => {
  const inFlight = made(10);
  const [one, two, three] = [1, 2, 3].map((n) => inFlight.take(entry(n)));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  inFlight.setInBatch([three], true);
  const position = { channel: "things", at: "3-0", entriesRead: 3, open: ["1-0", "2-0"] };
  assert.equal(inFlight.positionOf("things"), position);
  inFlight.leave(three);
  inFlight.setInBatch([one], true);
  assert.equal(inFlight.positionOf("things"), { ...position, open: ["2-0"] });
});

test("what an owner before had left open comes first, and nothing is read before its lane is known", () => {
  const inFlight = made(10, { at: "5-0", entriesRead: 5, open: ["2-0", "4-0"] });
  assert.is(inFlight.mayRead, false);
  const fetched = inFlight.fetchable(10);
  assert.equal(
    fetched.map(({ entryId }) => entryId),
    ["2-0", "4-0"],
  );
  for (const [i, delivery] of fetched.entries()) inFlight.load(delivery, entry(2 * (i + 1), "k"));
  assert.is(inFlight.mayRead, true);
});

test("what comes behind a blocked entry of its key is let go, and comes back in its order", () => {
  const inFlight = made(10);
  const [one, two] = [inFlight.take(entry(1, "k")), inFlight.take(entry(2, "k"))];
  inFlight.block(one);
  const three = inFlight.take(entry(3, "k"));
  assert.equal(
    [one, two, three].map(({ phase }) => phase),
    ["away", "away", "away"],
  );
  assert.equal(inFlight.fetchable(10), []);
  inFlight.unblock(one);
  assert.equal(
    inFlight.fetchable(10).map(({ entryId }) => entryId),
    ["1-0", "2-0", "3-0"],
  );
});
