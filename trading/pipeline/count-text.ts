/** Counts as people read them. */

/** Writes a count with separated thousands. */
export function counted(value: number): string {
  return value.toLocaleString("en-US");
}
