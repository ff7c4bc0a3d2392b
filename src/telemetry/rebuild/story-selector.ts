/** Decides about whole stories once they are over: those that went wrong or took long are exported, and a share of the others. */

import { type AttributeValue, SpanStatusCode } from "@opentelemetry/api";
import { attribute } from "../../tracing/attributes.ts";
import { ratioRule } from "../setup/root-rule.ts";
import type { EndedSpan } from "../spans/ended-span.ts";
import type { TakeSpan } from "./rebuild-spans.ts";

/** What makes a story worth keeping. `failed`: a dead letter, or a process that died. `rejected`: a span has one of the named attributes. */
export type StoryOutcome = "slow" | "failed" | "rejected" | "retried";

export interface SelectorOptions {
  readonly outcomes: ReadonlySet<StoryOutcome>;
  /** From its first span to its last, from which on a story is slow, ms. */
  readonly slowMs: number;
  /** `name=value` of attributes that a rejected story's spans have. */
  readonly rejectedBy: readonly string[];
  /** Share of the other stories that is kept; by their trace ids, so that they are the same each time. */
  readonly ratio: number;
  /** A story is over when nothing of it has happened for so long, ms. */
  readonly quietMs: number;
  /** Called with a story that was left out, and of which something is heard later that would have kept it. `sinceMs`: its first span. */
  readonly onLate?: (traceId: string, sinceMs: number) => void;
  /** Most spans that are held; beyond it the oldest stories are decided as they stand. */
  readonly maxHeld: number;
  readonly take: TakeSpan;
}

/** Most stories of which it is remembered what was decided: more of them may come later, as when an order rests. */
const maxDecided = 200_000;

/** The span of a batch, which belongs to all stories of its events. */
interface Shared {
  readonly span: EndedSpan;
  readonly service: string;
  isTaken: boolean;
}

interface Story {
  lastMs: number;
  firstMs: number;
  isKept: boolean;
  readonly spans: { readonly span: EndedSpan; readonly service: string }[];
  readonly shared: Set<Shared>;
}

export class StorySelector {
  readonly #options: SelectorOptions;
  readonly #keeps: (bytes: Buffer, at: number) => boolean;
  /** By trace id; the one of which something was heard last is the last. */
  readonly #stories = new Map<string, Story>();
  /** What was decided last, by trace id. */
  readonly #decided = new Map<string, { readonly isKept: boolean; readonly firstMs: number }>();
  #held = 0;
  kept = 0;
  left = 0;

  constructor(options: SelectorOptions) {
    this.#options = options;
    this.#keeps = ratioRule(options.ratio);
  }

  readonly take: TakeSpan = (span, service) => {
    if (span.parent === undefined && span.links.length > 0 && attributeOf(span, attribute.batchSize) !== undefined) {
      const shared = { span, service, isTaken: false };
      for (const { context } of span.links) this.#touched(context.traceId, span).shared.add(shared);
      return;
    }
    const story = this.#touched(span.own.traceId, span);
    story.spans.push({ span, service });
    story.isKept ||= this.#isTelling(span);
    this.#held++;
  };

  /** Decides about the stories that are over by this time, epoch ms. */
  decide(nowMs: number): void {
    for (const [traceId, story] of this.#stories) {
      const isOver = story.lastMs + this.#options.quietMs <= nowMs;
      if (!isOver && this.#held <= this.#options.maxHeld) return;
      this.#end(traceId, story);
    }
  }

  #touched(traceId: string, { startMs, endMs }: EndedSpan): Story {
    const known = this.#stories.get(traceId);
    const story = known ?? { firstMs: startMs, lastMs: endMs, isKept: false, spans: [], shared: new Set() };
    story.firstMs = Math.min(story.firstMs, startMs);
    story.lastMs = Math.max(story.lastMs, endMs);
    this.#stories.delete(traceId);
    this.#stories.set(traceId, story);
    return story;
  }

  #isTelling(span: EndedSpan): boolean {
    const { outcomes, rejectedBy } = this.#options;
    const outcome = attributeOf(span, attribute.outcome);
    if (outcomes.has("failed") && (outcome === "deadLettered" || outcome === "owner_lost")) return true;
    if (outcomes.has("retried") && outcome === "retried") return true;
    if (outcomes.has("failed") && outcome === undefined && span.status === SpanStatusCode.ERROR) return true;
    return (
      outcomes.has("rejected") &&
      rejectedBy.some((one) => {
        const equals = one.indexOf("=");
        const value = attributeOf(span, one.slice(0, equals));
        return (
          value !== undefined &&
          [value]
            .flat()
            .map(String)
            .includes(one.slice(equals + 1))
        );
      })
    );
  }

  #end(traceId: string, story: Story): void {
    this.#stories.delete(traceId);
    this.#held -= story.spans.length;
    const { outcomes, slowMs, take } = this.#options;
    const before = this.#decided.get(traceId);
    const firstMs = Math.min(story.firstMs, before?.firstMs ?? story.firstMs);
    const isSlow = outcomes.has("slow") && story.lastMs - firstMs >= slowMs;
    const isTold = story.isKept || isSlow || this.#keeps(Buffer.from(traceId, "hex"), 0);
    const isKept = isTold || before?.isKept === true;
    if (isTold && before?.isKept === false) this.#options.onLate?.(traceId, firstMs);
    this.#decided.delete(traceId);
    this.#decided.set(traceId, { isKept, firstMs });
    for (const oldest of this.#decided.keys()) {
      if (this.#decided.size <= maxDecided) break;
      this.#decided.delete(oldest);
    }
    if (before === undefined && isKept) this.kept++;
    else if (before === undefined) this.left++;
    else if (isKept && !before.isKept) {
      this.kept++;
      this.left--;
    }
    if (isKept) for (const { span, service } of story.spans) take(span, service);
    for (const shared of story.shared) {
      if (!shared.isTaken && isKept) take(shared.span, shared.service);
      shared.isTaken ||= isKept;
    }
  }
}

function attributeOf({ statics, attributes, later }: EndedSpan, name: string): AttributeValue | undefined {
  for (let i = 0; i < later.length; i += 2) if (later[i] === name) return later[i + 1] as AttributeValue;
  return attributes[name] ?? statics[name];
}
