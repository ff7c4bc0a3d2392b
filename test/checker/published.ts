/** Checks publishes against the log: acknowledged entries are there, none is there twice, and no rejected one is there. */

import { entriesById, mayBeLost, mayBeTrimmed } from "./entry-order.ts";
import type { History } from "./history.ts";
import type { Violation } from "./violation.ts";

export function findPublishedWrong(history: History): Violation[] {
  const violations: Violation[] = [];
  const find = entriesById(history);
  const published = new Set<string>();
  const publishedTo = new Set<string>();
  for (const { channel, id, outcome, entryId } of history.publish) {
    published.add(`${channel} ${id}`);
    publishedTo.add(channel);
    const isThere = find(channel, id).length > 0;
    if (outcome === "rejected" && isThere) {
      violations.push({ kind: "refused", text: `${channel} ${id} was rejected and is in the log` });
    }
    if (outcome !== "acked" || isThere) continue;
    if (mayBeLost(history, channel, entryId) || mayBeTrimmed(history, channel, entryId)) continue;
    violations.push({ kind: "lost", text: `${channel} ${id} was acknowledged as ${entryId} and is not in the log` });
  }
  const seen = new Set<string>();
  for (const { channel, id, causes } of history.entry) {
    const name = `${channel} ${id}`;
    const copies = find(channel, id);
    if (copies.length > 1 && !seen.has(name)) {
      const places = copies.map((copy) => copy.entryId).join(", ");
      violations.push({ kind: "doubled", text: `${name} is in the log ${copies.length} times: ${places}` });
    }
    seen.add(name);
    if (publishedTo.has(channel) && causes.length === 0 && !published.has(name)) {
      violations.push({ kind: "refused", text: `${name} is in the log and nobody published it` });
    }
  }
  return violations;
}
