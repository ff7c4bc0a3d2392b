/** Slicing: a large quantity goes to the exchange in parts (one to many), each holding shares of one or more orders. */

/** A part of one order's quantity, by the order's place in what was sliced. */
export interface SliceShare {
  readonly index: number;
  readonly quantity: number;
}

export interface SliceOptions {
  /** Largest quantity of a slice. */
  readonly maxQuantity: number;
  /** Most slices: what would come to more is cut into this many larger ones, so that one settlement stays bounded. */
  readonly maxSlices: number;
}

/** Cuts the sum of the quantities into slices, first come first. All but the last are full, and nothing is left over. */
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
