/** The speed of a replay or an import. */

/** `original`: as it was. A number: so many times as fast. `max`: as fast as it goes. */
export type Speed = "original" | "max" | number;
