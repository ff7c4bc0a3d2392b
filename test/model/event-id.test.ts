/** Ids of root events: unique, in the order of their making, and as RFC 9562 has them. */

import * as assert from "uvu/assert";
import { newEventId } from "../../src/model/event-id.ts";
import { randomHex } from "../../src/model/random-hex.ts";
import { test } from "../support/test.ts";

const count = 100_000;

/** As many ids, on a clock that says what `clock` says. */
function idsAt(clock: () => number): readonly string[] {
  const { now } = Date;
  Date.now = clock;
  try {
    return Array.from({ length: count }, newEventId);
  } finally {
    Date.now = now;
  }
}

function msOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

test("event ids are UUIDs of version 7 that rise from one to the next, whatever the clock does", () => {
  const start = Date.now();
  let asked = 0;
  const clocks: Readonly<Record<string, () => number>> = {
    "as it is": Date.now,
    "that stands still": () => start + 1_000,
    "that goes back": () => start + 2_000 - asked++,
  };
  for (const [name, clock] of Object.entries(clocks)) {
    const ids = idsAt(clock);
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    // Without the random end, so that it is not what makes them differ.
    const ranks = ids.map((id) => id.slice(0, 23));
    assert.equal(ranks, ranks.toSorted(), `a clock ${name}`);
    assert.is(new Set(ranks).size, count, `a clock ${name}`);
    const ends = new Set(ids.map((id) => id.slice(24)));
    assert.ok(ends.size > count - 10, `${count - ends.size} random ends came again`);
  }
});

test("event ids say when they were made", () => {
  const at = Date.now() + 10_000; // later than any above
  const [id = ""] = idsAt(() => at);
  assert.is(msOf(id), at);
});

test("random hex is as long as it was asked for, drawn anew each time, and of all digits", () => {
  for (const bytes of [1, 3, 6, 7, 8, 16, 24]) {
    const drawn = Array.from({ length: 2_000 }, () => randomHex(bytes));
    for (const text of drawn) assert.is(text.length, 2 * bytes);
    assert.is(new Set(drawn.join("")).size, 16);
    if (bytes >= 6) assert.is(new Set(drawn).size, drawn.length);
  }
});
