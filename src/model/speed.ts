/** The speed of a replay or an import. */

/** `original`: the pace of the record. A number: that many times the pace. `max`: without waiting. */
export type Speed = "original" | "max" | number;
