/** Netting groups by symbol, side and price, and loses nothing. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { net } from "../../../consumers/algorithm/net.ts";
import { canonicalPrice } from "../../../trading/domain/index.ts";
import { test } from "../../support/test.ts";
import { batches, orderEvent } from "../../trading/orders-of.ts";

test("nets orders of one symbol, side and price, however the price is written", () => {
  const batch = [
    orderEvent({ id: "1", price: "577.50" }),
    orderEvent({ id: "2", side: "sell" }),
    orderEvent({ id: "3", price: "577.5", userId: "bob" }),
    orderEvent({ id: "4", symbol: "MSFT" }),
    orderEvent({ id: "5", price: "577.51" }),
  ];
  assert.equal(
    net(batch).map(({ symbol, side, price, orders }) => [symbol, side, price, orders.map((order) => order.payload.id)]),
    [
      ["AAPL", "buy", "577.5", ["1", "3"]],
      ["AAPL", "sell", "577.5", ["2"]],
      ["MSFT", "buy", "577.5", ["4"]],
      ["AAPL", "buy", "577.51", ["5"]],
    ],
  );
});

test("puts every order into exactly one group, which has its terms, and keeps their order", () => {
  fc.assert(
    fc.property(batches, (batch) => {
      const groups = net(batch);
      const terms = groups.map(({ symbol, side, price }) => `${symbol} ${side} ${price}`);
      assert.is(new Set(terms).size, groups.length);
      for (const group of groups) {
        for (const { payload } of group.orders) {
          assert.equal(
            [payload.symbol, payload.side, canonicalPrice(payload.price)],
            [group.symbol, group.side, group.price],
          );
        }
        const places = group.orders.map((order) => batch.indexOf(order));
        assert.equal(
          places,
          places.toSorted((a, b) => a - b),
        );
      }
      assert.equal(new Set(groups.flatMap((group) => group.orders)), new Set(batch));
      assert.is(groups.flatMap((group) => group.orders).length, batch.length);
    }),
  );
});
