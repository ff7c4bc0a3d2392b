/** A recorded history: NDJSON, one fact a line, the last of which is `end`. The collector writes it, and the checker reads it. */

import { z } from "zod";

/**
 * The promise of a component for each entry of `from` that it acknowledges: between `least` (1) and `most` (`least`) entries on `to` name the
 * entry as a cause, and `counter` grows by one. Only one component takes `from` to the same `to`. `order` is for a component with one
 * member to which nothing is handed back: entries of one key are handled in the order of the log, and with `outputs` their outputs are
 * in that order, too.
 */
export interface Flow {
  readonly fact: "flow";
  readonly component: string;
  readonly from: string;
  readonly to?: string | undefined;
  readonly least?: number | undefined;
  readonly most?: number | undefined;
  readonly counter?: string | undefined;
  readonly order?: "handling" | "outputs" | undefined;
}

/**
 * A publish, in the order of its producer's calls, which are appended in that order. `unknown`: the entry may be in the log or not.
 * `entryId` is set where the publish was acknowledged.
 */
export interface Publish {
  readonly fact: "publish";
  readonly producer: string;
  readonly channel: string;
  readonly id: string;
  readonly key: string;
  readonly outcome: "acked" | "unknown" | "rejected";
  readonly entryId?: string | undefined;
}

/** An entry as it stands in the log at the end, in log order. `causes` are event ids. */
export interface Entry {
  readonly fact: "entry";
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
  readonly key: string;
  readonly causes: readonly string[];
}

/** The state of an entry for a component at the end. A dead letter is a fact of its own, beside the entry's state. */
export interface Settlement {
  readonly fact: "settlement";
  readonly component: string;
  readonly channel: string;
  readonly partition: number;
  readonly entryId: string;
  readonly id: string;
  readonly state: "acked" | "pending" | "unread" | "deadLettered";
}

/** The start of a handler, in the order in which its member started handlers. */
export interface Handled {
  readonly fact: "handled";
  readonly component: string;
  readonly member: string;
  readonly channel: string;
  readonly entryId: string;
  readonly id: string;
  readonly key: string;
}

/** A part of a component's state that counts what it has settled. The values of one counter are added up. */
export interface Counter {
  readonly fact: "counter";
  readonly component: string;
  readonly counter: string;
  readonly value: number;
}

/** An entry up to which others may be missing: retention removed them after every component had finished them, so outputs are required. */
export interface Trimmed {
  readonly fact: "trimmed";
  readonly channel: string;
  readonly partition: number;
  readonly upTo: string;
}

/**
 * A fault that may lose entries appended until then (FLUSHALL, a failover). Without `channel`: of all channels. With `after`: only entries
 * appended after that one, by a server that went back to an earlier moment with all of its channels, so that an entry and the entries
 * derived from it are there or gone together.
 */
export interface Loss {
  readonly fact: "loss";
  readonly channel?: string | undefined;
  readonly after?: string | undefined;
  readonly upTo: string;
}

/** An order in a book, or with an empty order the total of a book that keeps no more. */
export interface Quantity {
  readonly fact: "quantity";
  readonly book: string;
  readonly order: string;
  readonly ordered: number;
  readonly executed: number;
  readonly rejected: number;
  readonly cancelled: number;
}

/** Closes a history. `drained`: the load had ended and the components were idle, so nothing may be unfinished. */
export interface End {
  readonly fact: "end";
  readonly drained: boolean;
}

export type Fact = Flow | Publish | Entry | Settlement | Handled | Counter | Trimmed | Loss | Quantity | End;
export type FactOf<F extends Fact["fact"]> = Extract<Fact, { fact: F }>;

/** The facts by kind, each in the order of the history. */
export type History = { readonly [F in Exclude<Fact["fact"], "end">]: readonly FactOf<F>[] } & {
  readonly drained: boolean;
};

/** The error for a file that is no history: a line with no known fact, or one that breaks off. */
export class HistoryError extends Error {}

/** @throws {HistoryError} when the history has no end */
export function toHistory(facts: Iterable<Fact>): History {
  const byKind = new Map<Fact["fact"], Fact[]>();
  let end: FactOf<"end"> | undefined;
  for (const fact of facts) {
    if (end !== undefined) throw new HistoryError("something follows the end");
    if (fact.fact === "end") end = fact;
    else {
      const known = byKind.get(fact.fact);
      if (known === undefined) byKind.set(fact.fact, [fact]);
      else known.push(fact);
    }
  }
  if (end === undefined) throw new HistoryError("it has no end: whatever recorded it broke off");
  const of = <F extends Fact["fact"]>(kind: F): readonly FactOf<F>[] => (byKind.get(kind) ?? []) as FactOf<F>[];
  return {
    flow: of("flow"),
    publish: of("publish"),
    entry: of("entry"),
    settlement: of("settlement"),
    handled: of("handled"),
    counter: of("counter"),
    trimmed: of("trimmed"),
    loss: of("loss"),
    quantity: of("quantity"),
    drained: end.drained,
  };
}

/** Empty lines are skipped. @throws {HistoryError} with the number of the line, from 1 */
export async function* parseFacts(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Fact> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    yield parseFact(line, number);
  }
}

function parseFact(line: string, number: number): Fact {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new HistoryError(`line ${number} is no JSON`, { cause });
  }
  const parsed = factSchema.safeParse(value);
  if (!parsed.success) throw new HistoryError(`line ${number} is no fact: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

const id = z.string().min(1);
const count = z.int().nonnegative();
const place = { channel: id, partition: count, entryId: id, id };

const factSchema: z.ZodType<Fact> = z.discriminatedUnion("fact", [
  z.strictObject({
    fact: z.literal("flow"),
    component: id,
    from: id,
    to: id.optional(),
    least: count.optional(),
    most: count.optional(),
    counter: id.optional(),
    order: z.enum(["handling", "outputs"]).optional(),
  }),
  z.strictObject({
    fact: z.literal("publish"),
    producer: id,
    channel: id,
    id,
    key: z.string(),
    outcome: z.enum(["acked", "unknown", "rejected"]),
    entryId: z.string().optional(),
  }),
  z.strictObject({ fact: z.literal("entry"), ...place, key: z.string(), causes: z.array(id) }),
  z.strictObject({
    fact: z.literal("settlement"),
    component: id,
    ...place,
    state: z.enum(["acked", "pending", "unread", "deadLettered"]),
  }),
  z.strictObject({
    fact: z.literal("handled"),
    component: id,
    member: id,
    channel: id,
    entryId: id,
    id,
    key: z.string(),
  }),
  z.strictObject({ fact: z.literal("counter"), component: id, counter: id, value: z.number() }),
  z.strictObject({ fact: z.literal("trimmed"), channel: id, partition: count, upTo: id }),
  z.strictObject({ fact: z.literal("loss"), channel: id.optional(), after: id.optional(), upTo: id }),
  z.strictObject({
    fact: z.literal("quantity"),
    book: id,
    order: z.string(),
    ordered: z.int(),
    executed: z.int(),
    rejected: z.int(),
    cancelled: z.int(),
  }),
  z.strictObject({ fact: z.literal("end"), drained: z.boolean() }),
]);
