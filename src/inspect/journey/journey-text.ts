/** A journey as a tree for people. */

import { timeOf } from "../../model/envelope.ts";
import { escaped, shown } from "../../model/safe-text.ts";
import type { EntryJson } from "../entries/entry-json.ts";
import { type JourneyNode, walkJourney } from "../journey-tree.ts";
import { durationText, timeText } from "../text/format.ts";
import type { Standing } from "./component-progress.ts";
import type { Journey } from "./journey.ts";
import { type StepSettlement, settlementLines, settlementName } from "./step-settlement.ts";

/** Writes the tree. Lines are about `width` characters at most. `settlements`: how each event was settled, where that is wanted. */
export function renderJourney(
  journey: Journey,
  width = 160,
  settlements: Readonly<Record<string, StepSettlement>> = {},
): string {
  const { events, durationMs, at } = journey;
  const query = shown(journey.query, 400);
  if (events === 0) return `No event in namespace "${escaped(journey.namespace)}" matches ${query}.`;
  const lines = [`${query}: ${countText(events, "event")} in ${durationText(durationMs)}`, ""];
  /** The line art for each level above the current node: a line where that level's node has a later sibling, else blank. */
  const leads: string[] = [];
  for (const { node, children, isLast } of walkJourney(journey)) {
    const { event, level, replays } = node;
    leads.length = Math.max(0, level - 1);
    const before = leads.slice(-shownLevels).join("");
    lines.push(`${before}${level === 0 ? "" : isLast ? "└─ " : "├─ "}${headOf(node, at)}`);
    if (level > 0) leads.push(isLast ? "   " : "│  ");
    const body = `${leads.slice(-shownLevels).join("")}${children.length > 0 ? "│  " : "   "}`;
    lines.push(`${body}${shown(contentOf(event), Math.max(40, width - body.length))}`);
    for (const { component } of node.standings) {
      const settlement = settlements[settlementName(component, event)];
      if (settlement === undefined) continue;
      for (const line of settlementLines(component, settlement, event.appendedAt)) lines.push(`${body}${line}`);
    }
    for (const { run, namespace, channel, entryId, id } of replays)
      lines.push(
        `${body}↻ replayed ${timeText(timeOf(entryId))} by ${shown(run, 40)}: ${shown(id, 80)} in ${shown(`${namespace} ${channel}`, 160)}`,
      );
  }
  lines.push("", ...notesOf(journey));
  return lines.join("\n");
}

/** Deepest level that is indented; deeper events show the number of their level. */
const shownLevels = 24;

function headOf(node: JourneyNode, at: number): string {
  const { event, asked, level, sinceParentMs, otherCauses, standings, copies, replayOf } = node;
  const parts = [
    level === 0 ? timeText(event.appendedAt) : `+${durationText(sinceParentMs)}`,
    shown(event.channel, 80),
  ];
  parts.push(shown(event.id, 80));
  if (level > shownLevels) parts.push(`level ${level}`);
  if (asked) parts.push("◀");
  if (replayOf !== null) parts.push(`replay ${shown(replayOf.run, 40)} of ${shown(replayOf.originalId, 80)}`);
  if (otherCauses.length === 1) parts.push(`and from ${shown(otherCauses[0] ?? "", 80)}`);
  if (otherCauses.length > 1) parts.push(`and from ${otherCauses.length} others`);
  if (standings.length > 0) parts.push(`→ ${standings.map((standing) => standingText(standing, at)).join(", ")}`);
  if (copies.length > 0) parts.push(`! ALSO APPENDED AS ${shown(copies.join(", "), 400)}`);
  return parts.join("  ");
}

/** Writes one component's progress. */
function standingText(standing: Standing, at: number): string {
  const component = shown(standing.component, 60);
  switch (standing.state) {
    case "settled":
      return `${component} settled`;
    case "unread":
      return `${component} has not read it`;
    case "pending":
      return `${component}: pending ${standing.member === "" ? "without an owner" : `on member ${shown(standing.member, 80)}`}, attempt ${standing.attempt}${standing.dueAt === null ? "" : `, ${dueText(standing.dueAt, at)}`}`;
    case "parked":
      return `${component}: parked after attempt ${standing.attempt}, ${dueText(standing.dueAt, at)}`;
    case "dead":
      return `${component}: DEAD LETTER ${standing.deadLetterId} after ${countText(standing.attempts, "attempt")}: ${shown(standing.code, 64)} ${shown(standing.error, 200)}`;
  }
}

function dueText(dueAt: number | null, at: number): string {
  if (dueAt === null) return "without a time on record";
  return dueAt > at ? `due in ${durationText(dueAt - at)}` : `overdue by ${durationText(at - dueAt)}`;
}

function contentOf(event: EntryJson): string {
  if ("problem" in event) return `UNREADABLE ${event.problem}`;
  return event.payloadText ?? JSON.stringify(event.payload);
}

function notesOf(journey: Journey): readonly string[] {
  const { leftOut, moreMatches, complete, events } = journey;
  const states = countStates(journey);
  const notes: string[] = [];
  if (states.settled === 0 && states.unfinished === 0 && states.dead === 0)
    notes.push("No component consumes these channels.");
  else if (states.unfinished === 0 && states.dead === 0) notes.push("Every component has settled its part.");
  if (states.unfinished > 0) notes.push(`${countText(states.unfinished, "delivery", "deliveries")} not settled yet.`);
  if (states.dead > 0) notes.push(`${countText(states.dead, "dead letter")}.`);
  if (leftOut > 0) {
    notes.push(`${countText(leftOut, "event")} of others left out, whose orders were handled together with this one.`);
  }
  if (moreMatches > 0)
    notes.push(
      `${countText(moreMatches, "more event")} with ${shown(journey.query, 400)}: ask for one of them, or raise --limit.`,
    );
  if (!complete) notes.push(`Stopped at ${events} events: the story goes on.`);
  return notes;
}

function countStates(journey: Journey): { settled: number; unfinished: number; dead: number } {
  const count = { settled: 0, unfinished: 0, dead: 0 };
  for (const { node } of walkJourney(journey)) {
    for (const { state } of node.standings) {
      if (state === "dead") count.dead++;
      else if (state === "settled") count.settled++;
      else count.unfinished++;
    }
  }
  return count;
}

function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
