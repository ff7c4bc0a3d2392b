/** A story as nested nodes, cut into pieces of a depth that every JSON reader accepts. */

import { timeOf } from "../model/envelope.ts";
import { type Replayed, replayedOf } from "../model/replay-mark.ts";
import { type EntryJson, entryJson } from "./entries/entry-json.ts";
import { entryKey, type Standing } from "./journey/component-progress.ts";
import type { Related } from "./journey/relatives.ts";
import type { ReplayedEvent } from "./journey/replayed-events.ts";
import type { StoryNode } from "./journey/story.ts";

/** An event of a story, with its children. Times and durations are ms. */
export interface JourneyNode {
  readonly event: EntryJson;
  /** True for an event that matches the query, false for its ancestors and descendants. */
  readonly asked: boolean;
  /** Event id of the parent node; null for a beginning. */
  readonly parent: string | null;
  /** Number of ancestors in the tree; 0 for a beginning. */
  readonly level: number;
  /** Time from the parent's append to this event's append; 0 for a beginning. */
  readonly sinceParentMs: number;
  /** Time from the beginning's append to this event's append. */
  readonly sinceBeginningMs: number;
  /** Event ids of causes other than the parent, such as other orders that were netted with it. */
  readonly otherCauses: readonly string[];
  /** The progress of each component that consumes the event's channel. */
  readonly standings: readonly Standing[];
  /** Further entries with the same event id, as `<channel>/<entry id>`. There should be none. */
  readonly copies: readonly string[];
  /** The run and the original, where the event is a replay's; null where it is not. */
  readonly replayOf: Replayed | null;
  /** The events into which replays have republished this one. */
  readonly replays: readonly ReplayedEvent[];
  /** Nodes below this one; empty on every fiftieth level, whose children are among the journey's `continuations`. */
  readonly children: readonly JourneyNode[];
}

/** The parts of a journey that hold its nodes. */
export interface JourneyTree {
  /** Events without a parent in the story, in log order. */
  readonly beginnings: readonly JourneyNode[];
  /** Nodes of the levels 50, 100, 150 and so on: `parent` names their parents, which do not list them as children. */
  readonly continuations: readonly JourneyNode[];
}

/** Facts about the events of a story, by event id or by entry. */
export interface Known {
  readonly asked: ReadonlySet<string>;
  readonly standings: ReadonlyMap<string, readonly Standing[]>;
  readonly replays: ReadonlyMap<string, readonly ReplayedEvent[]>;
}

/** Levels in one piece. Each takes two levels of JSON; some readers accept no more than 256, and a recursive writer has a stack limit. */
const levelsInOnePiece = 50;

/** Builds the nodes level by level, not recursively, so that no story is too deep for the stack. */
export function journeyTree(stories: readonly StoryNode[], known: Known): JourneyTree {
  const beginnings: JourneyNode[] = [];
  const continuations: JourneyNode[] = [];
  interface Open {
    readonly story: StoryNode;
    readonly parent: Related | undefined;
    readonly beginning: Related;
    readonly level: number;
    /** The list to which the node is added. */
    readonly siblings: JourneyNode[];
  }
  const open: Open[] = stories.map((story) => {
    return { story, parent: undefined, beginning: story.related, level: 0, siblings: beginnings };
  });
  // The loop also visits entries that its body appends to `open`.
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
    standings: standings.get(entryKey(related.entry)) ?? [],
    copies: related.copies,
    replayOf: replayedOf(related.entry.envelope?.causes ?? []) ?? null,
    replays: replays.get(related.id) ?? [],
  };
}

/** A node of a walk through a story. */
export interface WalkedNode {
  readonly node: JourneyNode;
  /** The node's children, wherever the journey holds them. */
  readonly children: readonly JourneyNode[];
  /** True where no sibling comes after the node. */
  readonly isLast: boolean;
}

/** Walks every node in the order in which a tree is printed: a parent before its children, each child with its descendants before the next. */
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
