/** Which roots are kept, told by the bytes of a trace id: what the samplers for roots say of its text, for a tenth of the time. */

import { ratioOf } from "./sampler.ts";

/** Whether a root with the trace id whose 16 bytes begin at `at` is kept. */
export type RootRule = (bytes: Buffer, at: number) => boolean;

/** The rule of a `parentbased_…` sampler, default `parentbased_always_on`; undefined: it is none of these. */
export function rootRuleOf(name: string | undefined, argument: string | undefined): RootRule | undefined {
  switch (name?.trim() || "parentbased_always_on") {
    case "parentbased_always_on":
      return () => true;
    case "parentbased_always_off":
      return () => false;
    case "parentbased_traceidratio":
      return ratioRule(ratioOf(argument));
    default:
      return undefined;
  }
}

/** As the SDK's `TraceIdRatioBasedSampler`: every process keeps the same traces, whatever makes its spans. */
function ratioRule(ratio: number): RootRule {
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * 0xffff_ffff);
  return (bytes, at) =>
    (bytes.readInt32BE(at) ^ bytes.readInt32BE(at + 4) ^ bytes.readInt32BE(at + 8) ^ bytes.readInt32BE(at + 12)) >>> 0 <
    bound;
}
