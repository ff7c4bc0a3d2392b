/** The states of a story: what a component's handlers wrote for one order, settlement by settlement, by running them over the log. */

import type { Journey } from "../../inspect/journey/journey.ts";
import { walkJourney } from "../../inspect/journey-tree.ts";
import type { CapturedCall, ReplaySummary } from "./captured-call.ts";

/** A key of a component's state that a settlement wrote. */
export interface StateWrite {
  readonly store: string;
  readonly key: string;
  /** Absent where the key did not exist. */
  readonly before?: unknown;
  /** Absent where the key was deleted. */
  readonly after?: unknown;
}

/** A settlement of events of the story. */
export interface StoryStep {
  readonly component: string;
  readonly partition: number;
  readonly channel: string;
  /** The story's own among the entries that were settled. */
  readonly entryIds: readonly string[];
  readonly eventIds: readonly string[];
  /** Entries that the handler had in one call, others' included. */
  readonly together: number;
  readonly outcome: CapturedCall["outcome"];
  /** The settlement's time, epoch ms; where the settlement log does not tell it, the append of the last entry. */
  readonly at: number;
  /** Those whose keys name the story. */
  readonly writes: readonly StateWrite[];
  /** Writes of the same call beyond those, for others that were handled together. */
  readonly otherWrites: number;
  /** Those that are part of the story. */
  readonly outputs: readonly { readonly channel: string; readonly id: string }[];
}

/** The states of a story. Plain JSON, the same as `throughline states --json` prints. */
export interface StoryStates {
  /** In the order of their times. */
  readonly steps: readonly StoryStep[];
  /** Components of the story whose handlers were not given. */
  readonly without: readonly string[];
  /** Sentences for people about what could not be told. */
  readonly notes: readonly string[];
}

/** Most writes of a step that are kept: a call may have handled hundreds of orders together. */
const maxWrites = 200;

/** Gives the steps of one component: its calls that handled events of the story. Memory: the component's whole state. */
export async function stepsOf(
  calls: AsyncIterable<CapturedCall>,
  component: string,
  journey: Journey,
  settledAt: (component: string, partition: number, channel: string, entryId: string) => number | undefined,
): Promise<readonly StoryStep[]> {
  const events = [...walkJourney(journey)].map(({ node }) => node.event);
  const wanted = new Set(events.map(({ partition, channel, entryId }) => `${partition}/${channel}/${entryId}`));
  const ids = new Set(events.map(({ id }) => id));
  const names = namesOf(journey);
  const state = new Map<string, unknown>();
  const steps: StoryStep[] = [];
  for await (const { partition, channel, entries, outcome, outputs, writes } of calls) {
    const own = entries.filter(({ entryId }) => wanted.has(`${partition}/${channel}/${entryId}`));
    const changes: StateWrite[] = [];
    for (const { store, key, value } of writes) {
      const name = `${partition}\n${store}\n${key}`;
      if (own.length > 0) {
        const before = state.has(name) ? { before: state.get(name) } : {};
        changes.push({ store, key, ...before, ...(value === undefined ? {} : { after: value }) });
      }
      if (value === undefined) state.delete(name);
      else state.set(name, value);
    }
    if (own.length === 0) continue;
    const [ofStory, ofOthers] = divided(changes, names);
    const settled = own.map(({ entryId }) => settledAt(component, partition, channel, entryId) ?? 0);
    const appended = own.map(({ entryId }) => Number(entryId.split("-", 1)[0]));
    steps.push({
      component,
      partition,
      channel,
      entryIds: own.map(({ entryId }) => entryId),
      eventIds: own.map(({ envelope, entryId }) => envelope?.id ?? `${channel}/${entryId}`),
      together: entries.length,
      outcome,
      at: Math.max(...appended, ...settled),
      writes: ofStory.slice(0, maxWrites),
      otherWrites: ofOthers.length + Math.max(0, ofStory.length - maxWrites),
      outputs: outputs.flatMap(({ channel: to, envelope }) =>
        envelope !== undefined && ids.has(envelope.id) ? [{ channel: to, id: envelope.id }] : [],
      ),
    });
  }
  return steps;
}

/** Sentences about what the run of a component could not tell. */
export function notesOf(component: string, summary: ReplaySummary | undefined): readonly string[] {
  if (summary === undefined) return [];
  const notes: string[] = [];
  if (summary.otherOutcomes > 0) {
    notes.push(
      `${component}: ${summary.otherOutcomes} calls ended otherwise than live, so that the state may differ, too.`,
    );
  }
  if (summary.order === "appended") {
    notes.push(`${component} keeps no settlement log: its events were taken in the order of their appends.`);
  }
  if (summary.gaps.absent > 0) {
    notes.push(
      `${component}: a part of what it has settled is not in the log any more; its state before that is not known.`,
    );
  }
  return notes;
}

/** What the matching events are called by: their ids, keys and attributes. */
function namesOf(journey: Journey): readonly string[] {
  const names = new Set<string>();
  for (const { node } of walkJourney(journey)) {
    if (!node.asked || "problem" in node.event) continue;
    const { id, key, baggage } = node.event;
    for (const name of [id, key, ...Object.values(baggage).flatMap((value) => value.split("|"))]) {
      if (name.length > 1) names.add(name);
    }
  }
  return [...names];
}

/**
 * Divides the writes of a call that handled several orders together: those whose key has the most of the story's names in it are the
 * story's own. Where no key contains a name of the story, all writes are its own.
 */
function divided(
  writes: readonly StateWrite[],
  names: readonly string[],
): readonly [own: readonly StateWrite[], others: readonly StateWrite[]] {
  const counts = writes.map(({ key }) => names.filter((name) => hasWord(key, name)).length);
  const most = Math.max(0, ...counts);
  return [writes.filter((_, i) => counts[i] === most), writes.filter((_, i) => counts[i] !== most)];
}

/** Tells whether a text has the word in it, and not as a part of a longer one. */
function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const around = `${text[at - 1] ?? ""}${text[at + word.length] ?? ""}`;
    if (!/[\p{L}\p{N}]/u.test(around)) return true;
  }
  return false;
}
