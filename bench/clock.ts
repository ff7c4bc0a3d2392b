/** The one clock that the processes of a machine share, and that nobody sets. */

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
