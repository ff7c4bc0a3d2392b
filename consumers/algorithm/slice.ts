/** Slices a large quantity into parts for the exchange (one to many); each part holds shares of one or more orders. */

/** The part of a slice that belongs to one order; the order is given by its index among the quantities. */
export interface SliceShare {
  readonly index: number;
  readonly quantity: number;
}

export interface SliceOptions {
  /** Largest quantity of a slice. */
  readonly maxQuantity: number;
  /**
   * Most slices. A quantity that would need more is cut into this many larger ones, so that one settlement stays
   * bounded.
   */
  readonly maxSlices: number;
}

/**
 * Cuts the sum of the quantities into slices, the first quantity first. All slices but the last are full, and nothing
 * is left over.
 */
export function slice(
  quantities: readonly number[],
  { maxQuantity, maxSlices }: SliceOptions,
): readonly SliceShare[][] {
  const total = quantities.reduce((sum, quantity) => sum + quantity, 0);
  const size = Math.max(maxQuantity, Math.ceil(total / maxSlices));
  const slices: SliceShare[][] = [];
  let current: SliceShare[] = [];
  let room = 0;
  for (const [index, quantity] of quantities.entries()) {
    for (let left = quantity; left > 0; ) {
      if (room === 0) {
        current = [];
        slices.push(current);
        room = size;
      }
      const share = Math.min(left, room);
      current.push({ index, quantity: share });
      left -= share;
      room -= share;
    }
  }
  return slices;
}
