/** Writes figures for people. */

/** Writes a whole number from 1,000 on, else two decimals. */
export function short(value: number): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
