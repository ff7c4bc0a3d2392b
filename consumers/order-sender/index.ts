/** The Order Sender: exchange orders out, over sessions with venues; their reports in, as fills with the cause restored. */

export {
  createOrderSender,
  type OrderSender,
  type OrderSenderOptions,
  orderSender,
  orderSenderSubscriptions,
} from "./order-sender.ts";
export { positionOf } from "./report-run.ts";
export { type VenueAddress, VenueRefusal } from "./venue-link.ts";
export { noVenues, type VenueRequests, VenueSessions, venueList } from "./venues.ts";
