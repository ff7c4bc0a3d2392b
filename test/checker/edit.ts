/** A right history, and edits that change it into others, for the checker's own tests. */

import type { Fact, FactOf } from "./history.ts";

/** Six events of two keys through one component with state and an output each, and three books that agree. */
export function right(): Fact[] {
  const facts: Fact[] = [
    { fact: "flow", component: "c", from: "in", to: "out", counter: "counts", order: "outputs" },
    ...[1, 2, 3, 4, 5, 6].map(publish),
    ...[1, 2, 3, 4, 5, 6].map(handled),
    ...[1, 2, 3, 4, 5, 6].map(input),
    ...[1, 2, 3, 4, 5, 6].map(output),
    ...[1, 2, 3, 4, 5, 6].map((n) => settlement(n, "acked")),
    { fact: "counter", component: "c", counter: "counts", value: 2 },
    { fact: "counter", component: "c", counter: "counts", value: 4 },
    { fact: "quantity", book: "client orders", order: "a", ordered: 10, executed: 5, rejected: 3, cancelled: 2 },
    { fact: "quantity", book: "client orders", order: "b", ordered: 5, executed: 5, rejected: 0, cancelled: 0 },
    { fact: "quantity", book: "exchange", order: "", ordered: 15, executed: 10, rejected: 3, cancelled: 2 },
    { fact: "end", drained: true },
  ];
  return facts;
}

const keyOf = (n: number): string => (n % 2 === 0 ? "even" : "odd");
const publish = (n: number): FactOf<"publish"> => ({
  fact: "publish",
  producer: "p",
  channel: "in",
  id: `e${n}`,
  key: keyOf(n),
  outcome: "acked",
  entryId: `${n}-0`,
});
export const input = (n: number): FactOf<"entry"> => ({
  fact: "entry",
  channel: "in",
  partition: 0,
  entryId: `${n}-0`,
  id: `e${n}`,
  key: keyOf(n),
  causes: [],
});
export const output = (n: number): FactOf<"entry"> => ({
  fact: "entry",
  channel: "out",
  partition: 0,
  entryId: `${n + 10}-0`,
  id: `o${n}`,
  key: "",
  causes: [`e${n}`],
});
export const handled = (n: number): FactOf<"handled"> => ({
  fact: "handled",
  component: "c",
  member: "m",
  channel: "in",
  entryId: `${n}-0`,
  id: `e${n}`,
  key: keyOf(n),
});
export const settlement = (n: number, state: FactOf<"settlement">["state"]): FactOf<"settlement"> => ({
  fact: "settlement",
  component: "c",
  channel: "in",
  partition: 0,
  entryId: `${n}-0`,
  id: `e${n}`,
  state,
});

type Matcher = (fact: Fact) => boolean;

/** An edit of a right history. */
export class Edit {
  facts: Fact[] = right();

  without(matches: Matcher): this {
    this.facts = this.facts.filter((fact) => !matches(fact));
    return this;
  }

  with(...added: readonly Fact[]): this {
    this.facts = [...added, ...this.facts];
    return this;
  }

  /** Replaces matching facts at their index. */
  replace(matches: Matcher, by: (fact: Fact) => Fact): this {
    this.facts = this.facts.map((fact) => (matches(fact) ? by(fact) : fact));
    return this;
  }

  swap(one: Matcher, other: Matcher): this {
    const [a, b] = [this.facts.findIndex(one), this.facts.findIndex(other)];
    const [first, second] = [this.facts[a] as Fact, this.facts[b] as Fact];
    this.facts[a] = second;
    this.facts[b] = first;
    return this;
  }
}

export const isPublish =
  (n: number): Matcher =>
  (fact) =>
    fact.fact === "publish" && fact.id === `e${n}`;
export const isEntry =
  (id: string): Matcher =>
  (fact) =>
    fact.fact === "entry" && fact.id === id;
export const isSettlement =
  (n: number): Matcher =>
  (fact) =>
    fact.fact === "settlement" && fact.id === `e${n}`;
export const isHandled =
  (n: number): Matcher =>
  (fact) =>
    fact.fact === "handled" && fact.id === `e${n}`;
export const outcome =
  (value: FactOf<"publish">["outcome"]) =>
  (fact: Fact): Fact =>
    ({ ...fact, outcome: value, entryId: undefined }) as Fact;
export const counterOf = (value: number): FactOf<"counter"> => ({
  fact: "counter",
  component: "c",
  counter: "counts",
  value,
});
/** Removes an entry with its output, its settlement and its count. */
export const withoutAll = (edit: Edit, n: number): Edit =>
  edit
    .without(isEntry(`e${n}`))
    .without(isEntry(`o${n}`))
    .without(isSettlement(n))
    .with(counterOf(-1));
