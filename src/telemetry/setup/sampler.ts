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
 * The links' decision on a span without a parent. One sampled link is enough: a batch is kept when any of its events
 * is. Undefined: no link decides.
 */
export function keptByLinks(links: readonly Link[]): boolean | undefined {
  let kept: boolean | undefined;
  for (const { context } of links) {
    if (!isSpanContextValid(context)) continue;
    if (context.traceFlags & TraceFlags.SAMPLED) return true;
    kept = false;
  }
  return kept;
}

/** Decides on spans without a parent: as their links decide, else as `root` does. */
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
    const kept = keptByLinks(links);
    if (kept !== undefined)
      return { decision: kept ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
    return this.#root.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `Links{root=${this.#root.toString()}}`;
  }
}

/** With this name every story is traced, and none is exported when it happens: `throughline spans follow` does that when it is over. */
const outcomeSampler = "throughline_outcome";

/** True where stories are sampled when they are over. */
export function samplesByOutcome(name: string | undefined): boolean {
  return name?.trim() === outcomeSampler;
}

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `_ARG` name, default `parentbased_always_on`. A `parentbased_…` sampler
 * goes by links where there is no parent; the others apply to every span. Undefined: the SDK shall judge the name.
 */
export function samplerOf(name: string | undefined, argument: string | undefined): Sampler | undefined {
  const ratio = rootRatioOf(name, argument);
  if (ratio !== undefined)
    return new ParentBasedSampler({ root: new LinksSampler(new TraceIdRatioBasedSampler(ratio)) });
  switch (name?.trim()) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratioOf(argument));
    default:
      return undefined;
  }
}

/** The share of roots without links that a `parentbased_…` sampler keeps. Undefined: it is another sampler. */
export function rootRatioOf(name: string | undefined, argument: string | undefined): number | undefined {
  switch (name?.trim() || "parentbased_always_on") {
    case "parentbased_always_on":
    case outcomeSampler:
      return 1;
    case "parentbased_always_off":
      return 0;
    case "parentbased_traceidratio":
      return ratioOf(argument);
    default:
      return undefined;
  }
}

/** The ratio as the SDK reads it: everything, where the argument is missing or no ratio. */
function ratioOf(argument: string | undefined): number {
  const ratio = Number(argument?.trim() || "1");
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}
