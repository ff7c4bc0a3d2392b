/** Settlements against their effects: each acknowledged entry has its outputs and its count, once; nothing else has any. */

import { mayBeLost, mayBeTrimmed } from "./entry-order.ts";
import type { Entry, Flow, History, Settlement } from "./history.ts";
import type { Violation } from "./violation.ts";

export function findSettledWrong(history: History): Violation[] {
  const violations = findUnfinished(history);
  const outputs = new Map<string, Entry[]>();
  for (const entry of history.entry) {
    for (const cause of entry.causes) {
      const key = `${entry.channel} ${cause}`;
      const known = outputs.get(key);
      if (known === undefined) outputs.set(key, [entry]);
      else known.push(entry);
    }
  }
  for (const flow of history.flow) {
    const outcomes = outcomesOf(history, flow);
    // Not as the arguments of one push: every entry of a long history may be wrong.
    for (const one of checkOutputs(history, flow, outcomes, outputs)) violations.push(one);
    for (const one of checkCounter(history, flow, outcomes)) violations.push(one);
  }
  const targets = new Set(history.flow.flatMap(({ to }) => to ?? []));
  for (const to of targets) for (const one of findOrphans(history, to)) violations.push(one);
  return violations;
}

/** Event ids of a flow's entries by how they were settled. */
interface Outcomes {
  readonly acked: ReadonlySet<string>;
  readonly deadLettered: ReadonlySet<string>;
  readonly open: ReadonlySet<string>;
}

function outcomesOf(history: History, { component, from }: Flow): Outcomes {
  const [acked, deadLettered, open] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const one of history.settlement) {
    if (one.component !== component || one.channel !== from) continue;
    if (one.state === "acked") acked.add(one.id);
    else if (one.state === "deadLettered") deadLettered.add(one.id);
    else open.add(one.id);
  }
  for (const id of deadLettered) acked.delete(id);
  // Entries that retention has removed were finished by every component, so their outputs are required like those of acknowledged ones.
  for (const { channel, id, outcome, entryId } of history.publish) {
    if (channel !== from || outcome !== "acked" || !mayBeTrimmed(history, channel, entryId)) continue;
    if (!open.has(id) && !deadLettered.has(id) && !mayBeLost(history, channel, entryId)) acked.add(id);
  }
  return { acked, deadLettered, open };
}

function findUnfinished(history: History): Violation[] {
  const violations: Violation[] = [];
  const buried = new Set<string>();
  const states = new Map<string, Settlement["state"]>();
  for (const one of history.settlement) {
    const name = `${one.component}: ${one.channel} ${one.id}`;
    if (one.state !== "deadLettered") states.set(name, one.state);
    else if (buried.has(name)) violations.push({ kind: "doubled", text: `${name} has more than one dead letter` });
    else buried.add(name);
  }
  for (const [name, state] of states) {
    if (state === "acked") continue;
    if (buried.has(name)) violations.push({ kind: "doubled", text: `${name} has a dead letter and is still ${state}` });
    else if (history.drained) violations.push({ kind: "unfinished", text: `${name} is ${state}` });
  }
  return violations;
}

function checkOutputs(
  history: History,
  { component, from, to, least = 1, most = least }: Flow,
  { acked, deadLettered, open }: Outcomes,
  outputs: ReadonlyMap<string, readonly Entry[]>,
): Violation[] {
  if (to === undefined) return [];
  const violations: Violation[] = [];
  const outputsGone = mayBeLost(history, to) || mayBeTrimmed(history, to);
  for (const id of acked) {
    // The check of the log reports copies of one output.
    const count = new Set((outputs.get(`${to} ${id}`) ?? []).map((output) => output.id)).size;
    if (count < least && !outputsGone) {
      violations.push({
        kind: "missing",
        text: `${component}: ${from} ${id} is acknowledged and has ${count} of ${least} outputs on ${to}`,
      });
    }
    if (count > most) {
      violations.push({ kind: "doubled", text: `${component}: ${from} ${id} has ${count} outputs on ${to}` });
    }
  }
  for (const [ids, state] of [
    [deadLettered, "a dead letter"],
    [open, "not settled"],
  ] as const) {
    for (const id of ids) {
      if (!outputs.has(`${to} ${id}`)) continue;
      violations.push({ kind: "unbacked", text: `${component}: ${from} ${id} is ${state} and has outputs on ${to}` });
    }
  }
  return violations;
}

/** Finds outputs none of whose causes exists. Where entries may be gone, a cause may be gone, too. */
function findOrphans(history: History, to: string): Violation[] {
  const sources = history.flow.filter((flow) => flow.to === to).map(({ from }) => from);
  if (sources.some((from) => mayBeLost(history, from) || mayBeTrimmed(history, from))) return [];
  const known = new Set(history.entry.filter(({ channel }) => sources.includes(channel)).map(({ id }) => id));
  return history.entry
    .filter(({ channel, causes }) => channel === to && causes.length > 0 && !causes.some((cause) => known.has(cause)))
    .map(({ id, causes }) => ({
      kind: "unbacked",
      text: `${to} ${id} comes from ${causes.join(", ")}, which is nowhere`,
    }));
}

function checkCounter(history: History, { component, counter, from }: Flow, { acked }: Outcomes): Violation[] {
  if (counter === undefined) return [];
  const values = history.counter.filter((one) => one.component === component && one.counter === counter);
  const counted = values.reduce((sum, { value }) => sum + value, 0);
  const text = `${component}: ${counter} says ${counted}, and ${acked.size} of ${from} are acknowledged`;
  if (counted > acked.size && !mayBeLost(history, from)) return [{ kind: "doubled", text }];
  if (counted < acked.size) return [{ kind: "missing", text }];
  return [];
}
