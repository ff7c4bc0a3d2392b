/**
 * Decides by the bytes of a trace id which roots are kept. The SDK's sampler decides the same by its text, in ten times
 * the time.
 */

/** True when a root is kept whose trace id's 16 bytes begin at `at`. */
export type RootRule = (bytes: Buffer, at: number) => boolean;

/**
 * Makes the rule of the SDK's `TraceIdRatioBasedSampler`: every process keeps the same traces, whatever makes its
 * spans. `ratio`: 0 to 1.
 */
export function ratioRule(ratio: number): RootRule {
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * 0xffff_ffff);
  return (bytes, at) =>
    (bytes.readInt32BE(at) ^ bytes.readInt32BE(at + 4) ^ bytes.readInt32BE(at + 8) ^ bytes.readInt32BE(at + 12)) >>> 0 <
    bound;
}
