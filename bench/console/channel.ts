/** The channel of the console's benchmark. */

import { type Channel, defineChannel } from "throughline";
import { z } from "zod";

interface Order {
  readonly id: string;
  readonly userId: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly at: number;
}

export const benchChannel: Channel<Order> = defineChannel({
  name: "orders",
  schema: z.object({ id: z.string(), userId: z.string(), symbol: z.string(), quantity: z.int(), at: z.number() }),
  key: ({ symbol }) => symbol,
  correlation: ({ id, userId }) => ({ "order.id": id, "user.id": userId }),
});
