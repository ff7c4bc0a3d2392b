/** Random commands for the venue, as a journal could hold them. */

import fc from "fast-check";
import type { Command } from "../../../trading/venue/commands.ts";

const symbol = fc.constantFrom("AAPL", "MSFT");
const side = fc.constantFrom("buy" as const, "sell" as const);
const quantity = fc.integer({ min: 1, max: 50 });
const client = { client: "desk", partition: 0 };
/** Equal prices in two spellings, and two whose order as text is the other one. */
const price = fc.constantFrom("9.5", "9.50", "10", "10.00000001", "100", "99.99");

type Draw = (n: number) => Command;

const draw: fc.Arbitrary<Draw> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        ...{ symbol, side, price, quantity },
        orderType: fc.constantFrom("limit" as const, "limit" as const, "market" as const),
        isRejected: fc.constantFrom(false, false, false, true),
        taken: fc.integer({ min: 0, max: 60 }),
      })
      .map(({ isRejected, taken, ...terms }): Draw => {
        const more = { ...(isRejected && { reject: "no" }), ...(terms.orderType === "market" && { taken }) };
        return (n) => ({
          ...{ do: "order", ...client, request: n, at: n },
          ...{ order: { kind: "order", orderId: `o-${n}`, ...terms }, ...more },
        });
      }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ symbol, side, quantity }).map(
      (visit): Draw =>
        (n) => ({ do: "visit", at: n, ...visit }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ of: fc.nat(60), part: fc.option(quantity, { nil: undefined }) }).map(
      ({ of, part }): Draw =>
        (n) => ({
          ...{ do: "cancel", ...client, request: n, at: n },
          cancel: {
            ...{ kind: "cancel", cancelId: `c-${n}`, orderId: `o-${of}` },
            ...(part !== undefined && { quantity: part }),
          },
        }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ of: fc.nat(60), how: fc.constantFrom("rejected" as const, "cancelled" as const) }).map(
      ({ of, how }): Draw =>
        (n) => ({ do: "end", at: n, client: "desk", orderId: `o-${of}`, how, reason: "for a reason" }),
    ),
  },
);

export const commands: fc.Arbitrary<readonly Command[]> = fc
  .array(draw, { minLength: 1, maxLength: 60 })
  .map((draws) => draws.map((one, n) => one(n + 1)));
