/** Constructors of plain objects, for what users get with each event. */

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A constructor whose objects are as plain as a literal's, so that they equal what a user's test writes down; and are not made by a
 * literal, for the reason that `listOf` has.
 */
export function plain<T, A extends readonly unknown[]>(
  fill: (this: Mutable<T>, ...args: A) => void,
): new (
  ...args: A
) => T {
  fill.prototype = Object.prototype;
  return fill as unknown as new (
    ...args: A
  ) => T;
}
