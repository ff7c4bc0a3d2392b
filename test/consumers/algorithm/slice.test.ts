/** Slicing keeps every quantity whole in sum, and every slice within its bound. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { slice } from "../../../consumers/algorithm/slice.ts";
import { test } from "../../support/test.ts";
import { sum } from "../../trading/orders-of.ts";

test("cuts first come first, and lets a slice hold shares of several orders", () => {
  assert.equal(slice([250, 100], { maxQuantity: 200, maxSlices: 10 }), [
    [{ index: 0, quantity: 200 }],
    [
      { index: 0, quantity: 50 },
      { index: 1, quantity: 100 },
    ],
  ]);
});

test("makes larger slices rather than too many", () => {
  const slices = slice([1_001], { maxQuantity: 1, maxSlices: 10 });
  assert.equal(
    slices.map((shares) => sum(shares.map((share) => share.quantity))),
    [...Array<number>(9).fill(101), 92],
  );
});

test("gives every order its whole quantity in shares, and fills all slices but the last", () => {
  const quantities = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(
      quantities,
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 1, max: 40 }),
      (quantities, maxQuantity, maxSlices) => {
        const slices = slice(quantities, { maxQuantity, maxSlices });
        const shares = slices.flat();
        for (const [index, quantity] of quantities.entries()) {
          assert.is(sum(shares.filter((share) => share.index === index).map((share) => share.quantity)), quantity);
        }
        assert.ok(shares.every((share) => share.quantity > 0));
        assert.ok(slices.length <= maxSlices);
        const sizes = slices.map((shares) => sum(shares.map((share) => share.quantity)));
        const size = Math.max(maxQuantity, Math.ceil(sum(quantities) / maxSlices));
        assert.ok(sizes.every((quantity, n) => (n < sizes.length - 1 ? quantity === size : quantity <= size)));
        const order = shares.map((share) => share.index);
        assert.equal(
          order,
          order.toSorted((a, b) => a - b),
        );
      },
    ),
  );
});
