/** A rolling list holds what came and has not left, in order, and lets go of what has left. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { RollingList } from "../../src/consume/rolling-list.ts";
import { test } from "../support/test.ts";

class Item {
  hasLeft = false;
  readonly n: number;

  constructor(n: number) {
    this.n = n;
  }
}

test("holds what came and has not left, in the order of its coming", () => {
  const step = fc.record({ comes: fc.nat(40), leaves: fc.array(fc.nat(200), { maxLength: 30 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const rolling = new RollingList<Item>();
      const all: Item[] = [];
      let there: Item[] = [];
      for (const { comes, leaves } of steps) {
        for (let i = 0; i < comes; i++) {
          const item = new Item(all.length);
          all.push(item);
          there.push(item);
          rolling.add(item);
        }
        for (const n of leaves) {
          const item = all[n];
          if (item === undefined) continue;
          assert.is(rolling.remove(item), there.includes(item));
          there = there.filter((one) => one !== item);
        }
        assert.equal(
          [...rolling].map(({ n }) => n),
          there.map(({ n }) => n),
        );
        assert.is(rolling.size, there.length);
      }
    }),
  );
});

test("keeps none of what has left but a few of the last", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const rolling = new RollingList<Item>();
  const gone = Array.from({ length: 1_000 }, (_, n) => {
    const item = new Item(n);
    rolling.add(item);
    rolling.remove(item);
    return new WeakRef(item);
  });
  await new Promise(setImmediate);
  gc();
  const kept = gone.filter((ref) => ref.deref() !== undefined).length;
  assert.ok(kept <= 17, `${kept} are kept`);
});
