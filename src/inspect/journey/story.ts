/** Cuts one story out of an event's relatives: the event's own line, without the neighbours that it was netted with. */

import { compareIds } from "../../model/entry-ids.ts";
import type { Neighbour, Related, Relatives } from "./relatives.ts";

/** An event of a story, with the events that descend from it. */
export interface StoryNode {
  readonly related: Related;
  readonly children: readonly StoryNode[];
}

/** The story of the matching events. */
export interface Story {
  readonly beginnings: readonly StoryNode[];
  readonly events: ReadonlyMap<string, Related>;
  /** Number of descendants that belong to others' stories. */
  readonly leftOut: number;
}

/**
 * Separates the stories of events that were handled together. An exchange order descends from all client orders that were netted into it,
 * so the executions of its fills descend from each of them too. But an execution names its client order among its causes. Therefore
 * an event that names beginnings belongs to those alone, and an event that names none belongs to all beginnings that it descends from.
 *
 * What an outside system reports has no cause in the log, and is no beginning all the same where the event that comes of it names an earlier one: an
 * exchange's report, made a fill of the order that it answers.
 */
export function storyOf(relatives: Relatives): Story {
  const { asked, lineage, ancestors } = relatives;
  const isBeginning = (id: string): boolean => find(relatives, id)?.causes.length === 0;
  const named = (related: Related): readonly string[] => beginningsNamed(relatives, related, isBeginning);

  const events = new Map<string, Related>();
  const own = new Set<string>();
  for (const start of asked) {
    const above = lineAbove(start, ancestors, isBeginning, named);
    for (const related of above) events.set(related.id, related);
    const beginnings = above.filter((related) => isBeginning(related.id));
    for (const related of beginnings.length === 0 ? [start] : beginnings) own.add(related.id);
  }

  const childrenOf = Map.groupBy(
    [...lineage.values()].flatMap((child) => child.causes.map((cause) => ({ cause, child }))),
    (edge) => edge.cause,
  );
  const isOthers = (related: Related): boolean => {
    const beginnings = named(related);
    return beginnings.length > 0 && !beginnings.some((id) => own.has(id));
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
  // A fill that gave nothing to this order is not part of its story either, although the fill names no order.
  const isFixed = (related: Related): boolean => askedIds.has(related.id) || related.causes.some((id) => own.has(id));
  for (const related of [...lineage.values()].sort(inLogOrder).reverse()) {
    const children = childrenOf.get(related.id) ?? [];
    if (isFixed(related) || children.length === 0 || children.some(({ child }) => events.has(child.id))) continue;
    events.delete(related.id);
  }
  const leftOut = [...lineage.keys()].filter((id) => !events.has(id)).length;
  return { beginnings: treeOf(events), events, leftOut };
}

function find({ lineage, ancestors, neighbours }: Relatives, id: string): Neighbour | undefined {
  const related = lineage.get(id) ?? ancestors.get(id);
  return related === undefined ? neighbours.get(id) : { entryId: related.entry.entryId, causes: related.causes };
}

/** The beginnings among an event's causes, without those that came after a cause which is none: they are answers. */
function beginningsNamed(
  relatives: Relatives,
  { causes }: Related,
  isBeginning: (id: string) => boolean,
): readonly string[] {
  const named = causes.filter(isBeginning);
  if (named.length === 0 || named.length === causes.length) return named;
  const others = causes.flatMap((id) => (isBeginning(id) ? [] : (find(relatives, id)?.entryId ?? [])));
  return named.filter((id) => {
    const entryId = find(relatives, id)?.entryId ?? "";
    return !others.some((other) => compareIds(other, entryId) < 0);
  });
}

/** The ancestors of an event. Where the event or an ancestor names beginnings, only those beginnings are followed. */
function lineAbove(
  start: Related,
  ancestors: ReadonlyMap<string, Related>,
  isBeginning: (id: string) => boolean,
  namedBy: (related: Related) => readonly string[],
): readonly Related[] {
  const above = new Map<string, Related>();
  const toClimb: { related: Related; named: ReadonlySet<string> | undefined }[] = [
    { related: start, named: undefined },
  ];
  for (let next = toClimb.pop(); next !== undefined; next = toClimb.pop()) {
    const beginnings = namedBy(next.related);
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

/** Puts each event below the first of its causes, which is the event whose handling published it. */
function treeOf(events: ReadonlyMap<string, Related>): readonly StoryNode[] {
  const nodes = new Map<string, { related: Related; children: StoryNode[] }>();
  for (const related of [...events.values()].sort(inLogOrder)) nodes.set(related.id, { related, children: [] });
  const tops = new Tops();
  const beginnings: StoryNode[] = [];
  for (const [id, node] of nodes) {
    // Causes written by hand may form a circle, but a tree may not: a descendant of an event cannot be its parent.
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
 * Finds the topmost ancestor of each event. Each search shortens the path that it followed, so that an event costs about the same in
 * a chain of any length.
 */
class Tops {
  readonly #above = new Map<string, string>();

  /** Records the parent of `id`, which had none. */
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
