/** The port to an exchange, which the Order Sender sends to. */

import type { Side } from "./index.ts";

/** An order in the form that a venue takes. */
export interface VenueOrder {
  /** The id that the sender has chosen. The venue takes a second order with this id as the same order, sent again. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly quantity: number;
}

/** A venue's report about an order. Ids are unique at the venue; the same order always has the same reports. */
export type VenueReport =
  | {
      readonly kind: "filled";
      readonly id: string;
      readonly quantity: number;
      readonly price: string;
      readonly at: number;
    }
  | {
      readonly kind: "rejected";
      readonly id: string;
      readonly quantity: number;
      readonly reason: string;
      readonly at: number;
    };

export interface Exchange {
  readonly name: string;
  /** Sends the order, or sends it again, and resolves with all its reports: their quantities add up to the order's. */
  submit(order: VenueOrder): Promise<readonly VenueReport[]>;
}
