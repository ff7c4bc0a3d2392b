/** Order per key: publishes in the log, and, where a component has one member, handling and outputs. */

import { compareIds } from "../../src/model/entry-ids.ts";
import { entriesById } from "./entry-order.ts";
import type { Flow, History } from "./history.ts";
import type { Violation } from "./violation.ts";

export function findReordered(history: History): Violation[] {
  const inLog = new Ascent("is in the log before");
  for (const { producer, channel, key, id, outcome, entryId } of history.publish) {
    // An entry in doubt may have been appended late, over a connection that was given up.
    if (outcome === "acked" && entryId !== undefined) inLog.add(`${producer}: ${channel} key "${key}"`, id, entryId);
  }
  const violations = [...inLog.violations];
  for (const flow of history.flow) {
    // Not as the arguments of one push: every entry of a long history may be wrong.
    if (flow.order !== undefined) for (const one of handledOutOfOrder(history, flow)) violations.push(one);
    if (flow.order === "outputs") for (const one of outputsOutOfOrder(history, flow)) violations.push(one);
  }
  return violations;
}

/** A crash or a conflict may repeat a handler: only the first run of each entry counts. */
function handledOutOfOrder(history: History, { component, from }: Flow): readonly Violation[] {
  const handled = new Ascent("is before it in the log, and was handled after");
  const seen = new Set<string>();
  for (const one of history.handled) {
    const name = `${one.member} ${one.channel} ${one.entryId}`;
    if (one.component !== component || one.channel !== from || seen.has(name)) continue;
    seen.add(name);
    handled.add(`${component} ${one.member}: ${from} key "${one.key}"`, one.id, one.entryId);
  }
  return handled.violations;
}

function outputsOutOfOrder(history: History, { component, from, to }: Flow): readonly Violation[] {
  if (to === undefined) return [];
  const find = entriesById(history);
  const written = new Ascent("is before it in the log, and its output after");
  for (const { channel, causes } of history.entry) {
    if (channel !== to) continue;
    for (const cause of causes) {
      const [source, ...copies] = find(from, cause);
      if (source === undefined || copies.length > 0) continue; // an entry that was appended twice has no single position
      written.add(`${component}: ${from} key "${source.key}"`, source.id, source.entryId);
      break; // further causes, such as the other orders of a batch or a fill, may be older
    }
  }
  return written.violations;
}

/** Sequences of entry ids, by a name, which never fall. */
class Ascent {
  readonly violations: Violation[] = [];
  readonly #last = new Map<string, { id: string; entryId: string }>();
  readonly #relation: string;

  constructor(relation: string) {
    this.#relation = relation;
  }

  add(name: string, id: string, entryId: string): void {
    const last = this.#last.get(name);
    if (last !== undefined && compareIds(last.entryId, entryId) > 0) {
      this.violations.push({ kind: "reordered", text: `${name}: ${id} ${this.#relation} ${last.id}` });
    }
    this.#last.set(name, { id, entryId });
  }
}
