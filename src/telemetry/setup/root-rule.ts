/** Which roots are kept, told by the bytes of a trace id: what the SDK's sampler says of its text, for a tenth of the time. */

/** Whether a root with the trace id whose 16 bytes begin at `at` is kept. */
export type RootRule = (bytes: Buffer, at: number) => boolean;

/** As the SDK's `TraceIdRatioBasedSampler`: every process keeps the same traces, whatever makes its spans. `ratio`: 0 to 1. */
export function ratioRule(ratio: number): RootRule {
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * 0xffff_ffff);
  return (bytes, at) =>
    (bytes.readInt32BE(at) ^ bytes.readInt32BE(at + 4) ^ bytes.readInt32BE(at + 8) ^ bytes.readInt32BE(at + 12)) >>> 0 <
    bound;
}
