/**
 * Commands: all that ever changes the venue, one after the other, as its journal keeps them. The same commands always lead to the same state and to
 * the same reports, so what was drawn by chance or by the clock stands in them.
 */

import type { Side } from "../domain/fields.ts";
import type { CancelOrder, NewOrder } from "../domain/venue.ts";

/** A direction of a session: who may send requests, and who reads reports, are fenced apart. */
export type Direction = "requests" | "reports";

/** What tells a newer owner of a client's partition from an older one. */
export interface SessionFence {
  readonly epoch: number;
  readonly token: string;
}

interface OfSession {
  readonly client: string;
  readonly partition: number;
}

export type Command =
  /** A greater fence than before was shown. */
  | ({ readonly do: "fence"; readonly direction: Direction; readonly fence: SessionFence } & OfSession)
  | ({
      readonly do: "order";
      /** The number of the request. */
      readonly request: number;
      readonly at: number;
      readonly order: NewOrder;
      /** When what rests of it expires. */
      readonly expiresAt?: number;
      /** Rejected at once, for this reason. */
      readonly reject?: string;
      /** What passers-by give or take of a market order, at its price. */
      readonly taken?: number;
    } & OfSession)
  | ({ readonly do: "cancel"; readonly request: number; readonly at: number; readonly cancel: CancelOrder } & OfSession)
  /** A request that was refused, or had been made before. */
  | ({ readonly do: "skip"; readonly request: number } & OfSession)
  /** Passers-by trade so much of what rests on a side, the best first. */
  | {
      readonly do: "visit";
      readonly at: number;
      readonly symbol: string;
      readonly side: Side;
      readonly quantity: number;
    }
  /** The venue ends an order by itself. */
  | {
      readonly do: "end";
      readonly at: number;
      readonly client: string;
      readonly orderId: string;
      readonly how: "rejected" | "cancelled";
      readonly reason: string;
    };
