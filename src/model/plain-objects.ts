/** Constructors of plain objects, for the objects that users get with each event. */

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Constructor<T, A extends readonly unknown[]> = new (...args: A) => T;

/**
 * Makes a constructor whose objects have `Object.prototype`, so that a user's test finds them equal to a literal. The objects are not
 * literals for the reason given at `listOf`.
 */
export function plain<T, A extends readonly unknown[]>(
  fill: (this: Mutable<T>, ...args: A) => void,
): Constructor<T, A> {
  fill.prototype = Object.prototype;
  // Every function but an arrow function can construct; TypeScript has no type for that.
  return fill as unknown as Constructor<T, A>;
}
