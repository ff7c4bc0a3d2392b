/** Constructors of plain objects, for what users get with each event. */

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Constructor<T, A extends readonly unknown[]> = new (...args: A) => T;

/**
 * A constructor whose objects are as plain as a literal's, so that they equal what a user's test writes down; and are not made by a
 * literal, for the reason that `listOf` has.
 */
export function plain<T, A extends readonly unknown[]>(
  fill: (this: Mutable<T>, ...args: A) => void,
): Constructor<T, A> {
  fill.prototype = Object.prototype;
  // Any function that is no arrow constructs; TypeScript has no word for it.
  return fill as unknown as Constructor<T, A>;
}
