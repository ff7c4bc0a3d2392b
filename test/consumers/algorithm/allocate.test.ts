/** Allocation gives away exactly what was reported, and never more of a share than is open. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { allocate } from "../../../consumers/algorithm/allocate.ts";
import { test } from "../../support/test.ts";
import { sum } from "../../trading/orders-of.ts";

const shares = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 50 });

test("serves the first share in full before the second gets any", () => {
  assert.equal(allocate([100, 50, 30], 120), [100, 20, 0]);
});

test("adds up to the reported quantity and stays within each share", () => {
  fc.assert(
    fc.property(
      shares.chain((open) => fc.tuple(fc.constant(open), fc.integer({ min: 0, max: sum(open) }))),
      ([open, quantity]) => {
        const given = allocate(open, quantity) ?? [];
        assert.is(given.length, open.length);
        assert.is(sum(given), quantity);
        assert.ok(given.every((part, n) => part >= 0 && part <= (open[n] ?? 0)));
      },
    ),
  );
});

test("gives the same shares in however many parts a quantity is reported", () => {
  fc.assert(
    fc.property(shares, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }), (open, cuts) => {
      let left = open as readonly number[];
      for (const cut of cuts) {
        const given = allocate(left, Math.floor(sum(left) * cut)) ?? [];
        left = left.map((share, n) => share - (given[n] ?? 0));
      }
      const done = sum(open) - sum(left);
      assert.equal(
        open.map((share, n) => share - (left[n] ?? 0)),
        allocate(open, done),
      );
    }),
  );
});

test("refuses more than is open", () => {
  fc.assert(
    fc.property(shares, fc.integer({ min: 1, max: 10 }), (open, beyond) => {
      assert.is(allocate(open, sum(open) + beyond), undefined);
    }),
  );
});
