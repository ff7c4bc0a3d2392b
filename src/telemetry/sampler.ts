/** Sampling that follows links as well as parents: a link to a span that was not kept points at nothing. */

import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  type SpanKind,
  TraceFlags,
} from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";

/**
 * Decides for spans without a parent: as the spans that they link to, else as `root` does. One sampled link is enough: a batch is
 * kept when any of its events is.
 */
export class LinksSampler implements Sampler {
  readonly #root: Sampler;

  constructor(root: Sampler) {
    this.#root = root;
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    let linked = false;
    for (const link of links) {
      if (!isSpanContextValid(link.context)) continue;
      if (link.context.traceFlags & TraceFlags.SAMPLED) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      linked = true;
    }
    if (linked) return { decision: SamplingDecision.NOT_RECORD };
    return this.#root.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `Links{root=${this.#root.toString()}}`;
  }
}

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `_ARG` name, default `parentbased_always_on`. The `parentbased_…` ones look at links
 * where there is no parent; the others mean what they say, for every span. Undefined: a name that the SDK shall judge.
 */
export function samplerOf(name: string | undefined, argument: string | undefined): Sampler | undefined {
  switch (name?.trim() || "parentbased_always_on") {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratioOf(argument));
    case "parentbased_always_on":
      return parentBased(new AlwaysOnSampler());
    case "parentbased_always_off":
      return parentBased(new AlwaysOffSampler());
    case "parentbased_traceidratio":
      return parentBased(new TraceIdRatioBasedSampler(ratioOf(argument)));
    default:
      return undefined;
  }
}

function parentBased(root: Sampler): Sampler {
  return new ParentBasedSampler({ root: new LinksSampler(root) });
}

/** As the SDK: everything, where it is missing or no ratio. */
function ratioOf(argument: string | undefined): number {
  const ratio = Number(argument?.trim() || "1");
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}
