/** A story as nested nodes: to a depth that every reader of JSON takes, and in pieces below that. */

import { timeOf } from "../model/envelope.ts";
import { type Replayed, replayedOf } from "../model/replay-mark.ts";
import { type EntryJson, entryJson } from "./entries/entry-json.ts";
import { placeOf, type Standing } from "./journey/component-progress.ts";
import type { Related } from "./journey/relatives.ts";
import type { ReplayedPlace } from "./journey/replayed-events.ts";
import type { StoryNode } from "./journey/story.ts";

export interface JourneyNode {
  readonly event: EntryJson;
  /** Whether it is an event that was asked for, and not one that led there or came of it. */
  readonly asked: boolean;
  /** Event id of the node that this one stands below; null for a beginning. */
  readonly parent: string | null;
  /** How many nodes stand above it; 0 for a beginning. */
  readonly level: number;
  /** From the append of what it was published for to its own; 0 for a beginning. */
  readonly sinceParentMs: number;
  /** From the append of its beginning. */
  readonly sinceBeginningMs: number;
  /** Causes beside its parent, by event id: other events that were netted with it, say. */
  readonly otherCauses: readonly string[];
  /** One for each component that consumes its channel. */
  readonly standings: readonly Standing[];
  /** Places of further entries with the same event id. There should be none. */
  readonly copies: readonly string[];
  /** The run and the original, where the event is a replay's; null where it is not. */
  readonly replayOf: Replayed | null;
  /** Where replays have republished it. */
  readonly replays: readonly ReplayedPlace[];
  /** Empty on every fiftieth level: what stands below it is among the journey's `continuations`. */
  readonly children: readonly JourneyNode[];
}

/** The parts of a journey that hold its nodes. */
export interface JourneyTree {
  /** Events without a parent in the story, in log order. */
  readonly beginnings: readonly JourneyNode[];
  /** Nodes of the levels 50, 100, 150 and so on, whose parents are named by `parent` and do not list them as children. */
  readonly continuations: readonly JourneyNode[];
}

/** What is known of the events of a story, by their ids or places. */
export interface Known {
  readonly asked: ReadonlySet<string>;
  readonly standings: ReadonlyMap<string, readonly Standing[]>;
  readonly replays: ReadonlyMap<string, readonly ReplayedPlace[]>;
}

/** Two levels of JSON each. Some readers take no more than 256 in all, and a writer that recurses has a stack of its own. */
const levelsInOnePiece = 50;

/** Level by level, so that no story is too deep for the stack. */
export function journeyTree(stories: readonly StoryNode[], known: Known): JourneyTree {
  const beginnings: JourneyNode[] = [];
  const continuations: JourneyNode[] = [];
  interface Open {
    readonly story: StoryNode;
    readonly parent: Related | undefined;
    readonly beginning: Related;
    readonly level: number;
    /** The list that its node goes into. */
    readonly siblings: JourneyNode[];
  }
  const open: Open[] = stories.map((story) => {
    return { story, parent: undefined, beginning: story.related, level: 0, siblings: beginnings };
  });
  // A queue: what is added to it while it is gone through is gone through as well.
  for (const { story, parent, beginning, level, siblings } of open) {
    const { related } = story;
    const children: JourneyNode[] = [];
    siblings.push({ ...factsOf(related, parent, beginning, known), level, children });
    const below = level + 1;
    for (const child of story.children) {
      const list = below % levelsInOnePiece === 0 ? continuations : children;
      open.push({ story: child, parent: related, beginning, level: below, siblings: list });
    }
  }
  return { beginnings, continuations };
}

function factsOf(
  related: Related,
  parent: Related | undefined,
  beginning: Related,
  { asked, standings, replays }: Known,
): Omit<JourneyNode, "level" | "children"> {
  const at = timeOf(related.entry.entryId);
  return {
    event: entryJson(related.entry),
    asked: asked.has(related.id),
    parent: parent?.id ?? null,
    sinceParentMs: parent === undefined ? 0 : at - timeOf(parent.entry.entryId),
    sinceBeginningMs: at - timeOf(beginning.entry.entryId),
    otherCauses: related.causes.filter((id) => id !== parent?.id),
    standings: standings.get(placeOf(related.entry)) ?? [],
    copies: related.copies,
    replayOf: replayedOf(related.entry.envelope?.causes ?? []) ?? null,
    replays: replays.get(related.id) ?? [],
  };
}

/** A node on the way through a story, with the place that it has among its siblings. */
export interface WalkedNode {
  readonly node: JourneyNode;
  /** Its children, wherever the journey holds them. */
  readonly children: readonly JourneyNode[];
  /** Whether no sibling comes after it. */
  readonly isLast: boolean;
}

/** Every node, parents before their children and each child before the next one: the order in which a tree is printed. */
export function* walkJourney({ beginnings, continuations }: JourneyTree): Generator<WalkedNode, void, undefined> {
  const continued = Map.groupBy(continuations, ({ parent }) => parent);
  const open: { node: JourneyNode; isLast: boolean }[] = [];
  const add = (nodes: readonly JourneyNode[]): void => {
    for (let i = nodes.length - 1; i >= 0; i--) {
      open.push({ node: nodes[i] as JourneyNode, isLast: i === nodes.length - 1 });
    }
  };
  add(beginnings);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, isLast } = next;
    const children = node.children.length > 0 ? node.children : (continued.get(node.event.id) ?? []);
    yield { node, children, isLast };
    add(children);
  }
}
