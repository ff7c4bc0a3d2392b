/** Cuts one story out of an event's relatives: its own line, without the neighbours that it was netted with. */

import { compareIds } from "../../model/entry-ids.ts";
import type { Related, Relatives } from "./relatives.ts";

export interface StoryNode {
  readonly related: Related;
  readonly children: readonly StoryNode[];
}

export interface Story {
  readonly beginnings: readonly StoryNode[];
  readonly events: ReadonlyMap<string, Related>;
  /** Descendants that belong to others' stories. */
  readonly leftOut: number;
}

/**
 * An exchange order descends from all the client orders that were netted into it, so its fills' executions descend from
 * each of them too. What tells them apart is that an execution names its client order among its causes: an event that
 * names beginnings belongs to those alone; one that names none belongs to all that it descends from.
 */
export function storyOf(relatives: Relatives): Story {
  const { asked, lineage, ancestors } = relatives;
  const isBeginning = (id: string): boolean => causesOf(relatives, id)?.length === 0;

  const events = new Map<string, Related>();
  const own = new Set<string>();
  for (const start of asked) {
    const above = lineAbove(start, ancestors, isBeginning);
    for (const related of above) events.set(related.id, related);
    const beginnings = above.filter((related) => isBeginning(related.id));
    for (const related of beginnings.length === 0 ? [start] : beginnings) own.add(related.id);
  }

  const childrenOf = Map.groupBy(
    [...lineage.values()].flatMap((child) => child.causes.map((cause) => ({ cause, child }))),
    (edge) => edge.cause,
  );
  const isOthers = (related: Related): boolean => {
    const named = related.causes.filter(isBeginning);
    return named.length > 0 && !named.some((id) => own.has(id));
  };
  const toFollow = [...asked];
  for (const related of asked) events.set(related.id, related);
  for (let parent = toFollow.pop(); parent !== undefined; parent = toFollow.pop()) {
    for (const { child } of childrenOf.get(parent.id) ?? []) {
      if (events.has(child.id) || isOthers(child)) continue;
      events.set(child.id, child);
      toFollow.push(child);
    }
  }
  const askedIds = new Set(asked.map((related) => related.id));
  // A fill of which nothing went to this order is not its story either, though it names nobody.
  const isFixed = (related: Related): boolean => askedIds.has(related.id) || related.causes.some((id) => own.has(id));
  for (const related of [...lineage.values()].sort(inLogOrder).reverse()) {
    const children = childrenOf.get(related.id) ?? [];
    if (isFixed(related) || children.length === 0 || children.some(({ child }) => events.has(child.id))) continue;
    events.delete(related.id);
  }
  const leftOut = [...lineage.keys()].filter((id) => !events.has(id)).length;
  return { beginnings: treeOf(events), events, leftOut };
}

function causesOf({ lineage, ancestors, neighbours }: Relatives, id: string): readonly string[] | undefined {
  return lineage.get(id)?.causes ?? ancestors.get(id)?.causes ?? neighbours.get(id);
}

/** What led to an event; where it, or something on the way, names beginnings, only through those. */
function lineAbove(
  start: Related,
  ancestors: ReadonlyMap<string, Related>,
  isBeginning: (id: string) => boolean,
): readonly Related[] {
  const above = new Map<string, Related>();
  const toClimb: { related: Related; named: ReadonlySet<string> | undefined }[] = [
    { related: start, named: undefined },
  ];
  for (let next = toClimb.pop(); next !== undefined; next = toClimb.pop()) {
    const beginnings = next.related.causes.filter(isBeginning);
    const named = next.named ?? (beginnings.length > 0 ? new Set(beginnings) : undefined);
    for (const cause of next.related.causes) {
      const ancestor = ancestors.get(cause);
      if (ancestor === undefined || above.has(cause) || cause === start.id) continue;
      if (isBeginning(cause) && named?.has(cause) === false) continue;
      above.set(cause, ancestor);
      toClimb.push({ related: ancestor, named });
    }
  }
  return [...above.values()];
}

/** Each event below the first of its causes: that is the one whose handling published it. */
function treeOf(events: ReadonlyMap<string, Related>): readonly StoryNode[] {
  const nodes = new Map<string, { related: Related; children: StoryNode[] }>();
  for (const related of [...events.values()].sort(inLogOrder)) nodes.set(related.id, { related, children: [] });
  const tops = new Tops();
  const beginnings: StoryNode[] = [];
  for (const [id, node] of nodes) {
    // Causes written by hand may run in a circle; a tree may not: what stands below an event is not its parent.
    const parent = node.related.causes.find((cause) => nodes.has(cause) && tops.of(cause) !== id);
    if (parent === undefined) beginnings.push(node);
    else {
      tops.put(id, parent);
      nodes.get(parent)?.children.push(node);
    }
  }
  return beginnings;
}

/**
 * The topmost event above each one. Every look shortens the way that it took, so that a chain of any length costs about as much for each
 * of its events.
 */
class Tops {
  readonly #above = new Map<string, string>();

  /** `id` has nothing above it yet. */
  put(id: string, parent: string): void {
    this.#above.set(id, parent);
  }

  of(id: string): string {
    let at = id;
    for (let above = this.#above.get(at); above !== undefined; above = this.#above.get(at)) {
      const next = this.#above.get(above);
      if (next === undefined) return above;
      this.#above.set(at, next);
      at = next;
    }
    return at;
  }
}

function inLogOrder(a: Related, b: Related): number {
  return compareIds(a.entry.entryId, b.entry.entryId);
}
