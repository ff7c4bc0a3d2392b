/** A list of one for what lives as long as its event. */

const blank: readonly unknown[] = [undefined];

/**
 * Not an array literal: where an event's own survive for a while, V8 makes them in the old generation from then on, and their garbage
 * keeps what is in them until the next full collection (docs/performance.md). A copy is always young.
 */
export function listOf<T>(only: T): T[] {
  const list = blank.slice() as T[];
  list[0] = only;
  return list;
}
