/** A loop is stuck when it stands still and another proves that Redis is there; everything else is waiting. */

import * as assert from "uvu/assert";
import { isStuck, Pulse } from "../../src/consume/pulse.ts";
import { test } from "../support/test.ts";

function pair(): { readonly reader: Pulse; readonly keeper: Pulse; pass(ms: number): void } {
  let now = 1_000;
  const clock = (): number => now;
  return {
    reader: new Pulse(clock),
    keeper: new Pulse(clock),
    pass: (ms) => {
      now += ms;
    },
  };
}

test("a loop that stands still is stuck while Redis answers the other, whichever it is", () => {
  for (const still of ["reader", "keeper"] as const) {
    const { pass, ...pulses } = pair();
    const other = pulses[still === "reader" ? "keeper" : "reader"];
    for (let s = 0; s < 29; s++) {
      pass(1_000);
      other.answered();
      assert.not(isStuck(pulses.reader, pulses.keeper));
    }
    pass(2_000);
    other.answered();
    assert.ok(isStuck(pulses.reader, pulses.keeper));
    pulses[still].turned();
    assert.not(isStuck(pulses.reader, pulses.keeper));
  }
});

test("nothing is stuck while Redis is away, however long", () => {
  const { reader, keeper, pass } = pair();
  reader.answered();
  keeper.answered();
  pass(3_600_000);
  assert.not(isStuck(reader, keeper));
  reader.turned(); // connected again, and lost again
  assert.not(isStuck(reader, keeper));
});

test("a loop that waits because the hand is full is not stuck, however long, and is when it goes on and stops", async () => {
  const { reader, keeper, pass } = pair();
  const room = Promise.withResolvers<void>();
  const resting = reader.rest(room.promise);
  pass(3_600_000);
  keeper.answered();
  assert.not(isStuck(reader, keeper));
  room.resolve();
  await resting;
  assert.not(isStuck(reader, keeper));
  pass(31_000);
  keeper.answered();
  assert.ok(isStuck(reader, keeper));
});
