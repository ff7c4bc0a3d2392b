/** Allocates a filled or rejected quantity to the client orders that it belongs to (many to many). */

/**
 * Gives `quantity` to the open shares by time priority: the first is served in full before the second gets any, as a
 * venue serves orders of one price. The result has the order of the shares and adds up to `quantity` exactly; undefined
 * where more was reported than is open.
 */
export function allocate(open: readonly number[], quantity: number): readonly number[] | undefined {
  let left = quantity;
  const given = open.map((share) => {
    const part = Math.min(share, left);
    left -= part;
    return part;
  });
  return left === 0 ? given : undefined;
}
