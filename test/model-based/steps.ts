/** The setting and the steps of a run of the model, and how both are drawn. */

import fc from "fast-check";

/**
 * The fate of an event when it is handled: `well`; `stumbles`, its first attempt fails; `stubborn`, every attempt fails; `hopeless`, its first
 * attempt fails for good. A redriven dead letter succeeds.
 */
export type Fate = "well" | "stumbles" | "stubborn" | "hopeless";

export interface Setting {
  readonly mode: "single" | "batch";
  readonly onRetry: "park" | "block";
  /** Number of members at the start. */
  readonly members: number;
}

/** `who` is an index among the members to which the step can be applied; a step that fits no member does nothing. */
export type Step =
  | { readonly kind: "publish"; readonly fate: Fate; readonly key: string; readonly count: number }
  /** The connection is cut while the publish is on its way, or in place of its reply. */
  | { readonly kind: "publishCut"; readonly fate: Fate; readonly key: string; readonly isDone: boolean }
  /** An invalid payload among them fails all. */
  | { readonly kind: "publishAll"; readonly fates: readonly Fate[]; readonly isBroken: boolean }
  /** An event id that was published before, `back` events ago. */
  | { readonly kind: "repeat"; readonly back: number }
  | { readonly kind: "start" }
  /** Drains, as at SIGTERM. */
  | { readonly kind: "drain"; readonly who: number }
  /** Gone without a word, as at SIGKILL. */
  | { readonly kind: "crash"; readonly who: number }
  /** Its handlers do not end until it is free. */
  | { readonly kind: "occupy"; readonly who: number }
  | { readonly kind: "free"; readonly who: number }
  /** Neither hears nor is heard until it is resumed, as at SIGSTOP; its handlers end meanwhile. */
  | { readonly kind: "pause"; readonly who: number }
  | { readonly kind: "resume"; readonly who: number }
  /** Loses its connections, at once or in place of the reply that comes `later`, and makes new ones. */
  | { readonly kind: "cut"; readonly who: number; readonly later: number }
  | { readonly kind: "trim"; readonly keep: number }
  | { readonly kind: "redrive" }
  /** Waits until nothing is unread, where no member keeps the owner from reading on. */
  | { readonly kind: "deliver" }
  /** Waits until nothing is unfinished, and compares everything with the model. */
  | { readonly kind: "rest" };

export interface Scenario {
  readonly setting: Setting;
  readonly steps: readonly Step[];
}

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>("well") },
  { weight: 1, arbitrary: fc.constant<Fate>("stumbles") },
  { weight: 1, arbitrary: fc.constant<Fate>("stubborn") },
  { weight: 1, arbitrary: fc.constant<Fate>("hopeless") },
);
const key = fc.constantFrom("", "a", "b");
const who = fc.nat(2);

function step<K extends Step["kind"]>(
  weight: number,
  kind: K,
  rest: { [F in keyof Omit<Extract<Step, { kind: K }>, "kind">]: fc.Arbitrary<Extract<Step, { kind: K }>[F]> },
): { weight: number; arbitrary: fc.Arbitrary<Step> } {
  const arbitrary = fc.record({ kind: fc.constant(kind), ...rest });
  return { weight, arbitrary: arbitrary as fc.Arbitrary<Step> };
}

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  step(10, "publish", { fate, key, count: fc.integer({ min: 1, max: 4 }) }),
  step(2, "publishCut", { fate, key, isDone: fc.boolean() }),
  step(2, "publishAll", { fates: fc.array(fate, { minLength: 2, maxLength: 3 }), isBroken: fc.boolean() }),
  step(2, "repeat", { back: fc.nat(3) }),
  step(2, "start", {}),
  step(1, "drain", { who }),
  step(2, "crash", { who }),
  step(3, "occupy", { who }),
  step(2, "free", { who }),
  step(3, "pause", { who }),
  step(2, "resume", { who }),
  step(3, "cut", { who, later: fc.nat(8) }),
  step(2, "trim", { keep: fc.integer({ min: 1, max: 4 }) }),
  step(2, "redrive", {}),
  step(4, "deliver", {}),
  step(2, "rest", {}),
);

export const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  setting: fc.record({
    mode: fc.constantFrom("single" as const, "batch" as const),
    onRetry: fc.constantFrom("park" as const, "block" as const),
    members: fc.nat(2),
  }),
  steps: fc.array(anyStep, { minLength: 3, maxLength: 16, size: "max" }),
});

/** One line a step, for whoever has to understand a failure. */
export function describeScenario({ setting, steps }: Scenario): string {
  const line = ({ kind, ...rest }: Step): string => {
    const details = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    return [kind, ...details].join(" ");
  };
  return [`${setting.mode}, ${setting.onRetry}, members ${setting.members}`, ...steps.map(line)]
    .map((text, i) => `  ${i}. ${text}`)
    .join("\n");
}
