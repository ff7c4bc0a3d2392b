/** The length of faults: as long as the catalogue says, or only long enough to show their effect. */

/** Set by `npm run test:faults`. */
const isFullLength: boolean = process.env["THROUGHLINE_FAULTS"] === "full";

/** The first in `npm run test:faults`, the second in `npm test -- test/faults/`. */
export function fullOr<T>(full: T, short: T): T {
  return isFullLength ? full : short;
}
