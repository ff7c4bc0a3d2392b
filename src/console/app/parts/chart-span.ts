/** The span of time that a chart draws. */

/**
 * The span of the times, s, oldest first: a single moment has room around it, and where there is none yet the last minute is empty. The chart's
 * library would draw years around a single moment.
 */
export function spanOf(seconds: ArrayLike<number>, now: number = Date.now() / 1_000): [number, number] {
  const [min, max] = [seconds[0], seconds[seconds.length - 1]];
  if (min === undefined || max === undefined) return [now - 60, now];
  return max - min < 10 ? [min - 30, max + 30] : [min, max];
}
