/** A list of one item, for objects that live as long as their event. */

const blank: readonly unknown[] = [undefined];

/**
 * Makes the list by a copy, not an array literal. When lists of one literal survive for a while, V8 allocates later ones of it in
 * the old generation, where garbage keeps its content alive until the next full collection (docs/performance.md). A copy is always
 * allocated young.
 */
export function listOf<T>(only: T): T[] {
  const list = blank.slice() as T[];
  list[0] = only;
  return list;
}
