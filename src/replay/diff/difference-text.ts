/** A comparison as text for people: counts by channel, the differences with their correlation attributes, and the ids concerned. */

import { plainTable } from "../../inspect/text/plain-table.ts";
import { escaped, shown } from "../../model/safe-text.ts";
import type { About } from "./correlation.ts";
import type { Difference, EventDifference, OutcomeDifference } from "./difference.ts";

/** Most differences, and most ids of one attribute, that the text shows; JSON has all of them. */
const maxRows = 20;
const maxIds = 20;
const maxFields = 3;
const maxText = 40;

/** Writes a comparison. */
export function renderDiff(difference: Difference): string {
  const { recorded, replayed, isSame, channels, events, outcomes, concerned, notes } = difference;
  const counts = plainTable(
    ["channel", "same", "changed", "missing", "added"],
    ["same", "changed", "missing", "added"],
  );
  for (const [channel, { same, changed, missing, added }] of Object.entries(channels)) {
    counts.push([shown(channel, 80), ...[same, changed, missing, added].map((count) => count.toLocaleString("en"))]);
  }
  const sections = [`Recorded: ${escaped(recorded)}\nReplayed: ${escaped(replayed)}`];
  if (counts.length > 0) sections.push(counts.toString());
  if (!isSame) sections.push(differenceTable(events, outcomes));
  const ids = plainTable(["concerned", "count", "which"], ["count"]);
  for (const [name, values] of Object.entries(concerned)) {
    ids.push([shown(name, 80), values.length.toLocaleString("en"), listed(values)]);
  }
  if (ids.length > 0) sections.push(ids.toString());
  if (notes.length > 0) sections.push(notes.map(escaped).join("\n"));
  sections.push(isSame ? "No difference." : "They differ.");
  return sections.join("\n\n");
}

function differenceTable(events: readonly EventDifference[], outcomes: readonly OutcomeDifference[]): string {
  const rows = plainTable(["difference", "event of", "about", "recorded", "replayed"]);
  for (const { kind, channel, about, recorded, replayed, fields } of events.slice(0, maxRows)) {
    const first = [kind, shown(channel, 80), aboutText(about)];
    if (kind !== "changed") rows.push([...first, recorded?.entryId ?? "-", replayed?.entryId ?? "-"]);
    for (const [i, field] of fields.slice(0, maxFields).entries()) {
      const head = i === 0 ? first : ["", "", ""];
      rows.push([...head, `${field.path} ${valueText(field.recorded)}`, valueText(field.replayed)]);
    }
    if (fields.length > maxFields) rows.push(["", "", "", `and ${fields.length - maxFields} more fields`, ""]);
  }
  for (const { channel, component, about, recorded, replayed, error } of outcomes.slice(0, maxRows)) {
    const why = error === undefined ? "" : `: ${shown(error, 2 * maxText)}`;
    rows.push([`${component}'s outcome`, shown(channel, 80), aboutText(about), recorded, `${replayed}${why}`]);
  }
  const more = Math.max(0, events.length - maxRows) + Math.max(0, outcomes.length - maxRows);
  return more === 0 ? rows.toString() : `${rows.toString()}\nand ${more.toLocaleString("en")} more: --json lists them.`;
}

/** Writes the attributes whose names end in `id`, or all attributes where there is none: people search by ids. */
function aboutText(about: About): string {
  const ids = Object.entries(about).filter(([name]) => /id$/i.test(name));
  const text = (ids.length > 0 ? ids : Object.entries(about)).map(([name, values]) => `${name} ${values.join(",")}`);
  return shown(text.sort().join("; ") || "-", 2 * maxText);
}

function valueText(value: unknown): string {
  return value === undefined ? "(none)" : shown(JSON.stringify(value), maxText);
}

function listed(values: readonly string[]): string {
  const some = values.slice(0, maxIds).map((value) => shown(value, maxText));
  const more = values.length - some.length;
  return more === 0 ? some.join(", ") : `${some.join(", ")} and ${more.toLocaleString("en")} more`;
}
