/** Dead letters as text for people. */

import { timeOf } from "../../model/envelope.ts";
import { shown } from "../../model/safe-text.ts";
import type { RedriveOutcome } from "../../ports/dead-letters.ts";
import { baggageOf, eventIdOf } from "../entries/entry-json.ts";
import { timeText } from "../text/format.ts";
import type { DeadLetter } from "./dead-letter.ts";

/** The letters of one channel, component and error code. */
export interface LetterCount {
  readonly channel: string;
  readonly component: string;
  readonly code: string;
  count: number;
  readonly oldestAt: number;
  newestAt: number;
}

/** Most characters of a payload that `show` prints; `--json` prints all. */
const maxPayload = 20_000;

/** The text of each outcome, after the number of letters: "3 …". */
export const outcomeText: Readonly<Record<RedriveOutcome | "purged", string>> = {
  redriven: "redriven",
  purged: "purged",
  gone: "gone: redriven or purged by somebody else",
  trimmed: "left: the entry is no longer in its channel, and appending it again would show it to every component",
  open: "left: the component has the entry in hand already",
  undelivered:
    "left: the component's group is gone or stands before the entry; when it runs, it reads on from where it stands",
  unreadable: "left: the letter does not say which entry died",
};

/** Writes one line: time, id, channel and component, event, error. About `width` characters at most. */
export function renderLine(letter: DeadLetter, width: number): string {
  const { id, channel, component, entry, code, error, attempts, diedAt } = letter;
  const start = [
    timeText(diedAt),
    id,
    shown(`${channel} → ${component}`, 160),
    shown(eventIdOf(entry), 48),
    `${attempts}×`,
    shown(code, 64),
  ].join("  ");
  return `${start}  ${shown(error, Math.max(40, width - start.length - 2))}`;
}

/** Writes everything about one letter. */
export function renderLetter(letter: DeadLetter, redrive: RedriveOutcome): string {
  const { id, partition, entryId, entry, code, error, attempts, firstAt, diedAt } = letter;
  const channel = shown(letter.channel, 128);
  const component = shown(letter.component, 128);
  const { envelope, problem } = entry;
  const rows: [string, string][] = [
    ["died", `${timeText(diedAt)}, attempt ${attempts}; first failed ${timeText(firstAt)}`],
    ["code", shown(code, 200)],
    ["error", shown(error, 2_000)],
    ["event", shown(eventIdOf(entry), 256)],
    ["entry", entryId === "" ? "not on record" : `${channel}/${entryId}, appended ${timeText(timeOf(entryId))}`],
  ];
  if (envelope !== undefined) {
    const baggage = [...baggageOf(envelope.baggage)].map(([name, value]) => `${name}=${value}`);
    rows.push(
      ["key", shown(envelope.key, 256)],
      ["baggage", shown(baggage.join(" "), 1_024)],
      ["causes", shown(envelope.causes.map((cause) => cause.id).join(" "), 1_024)],
      ["trace", shown(envelope.traceparent, 64)],
    );
  }
  rows.push(["span", shown(letter.traceparent, 64)]);
  if (letter.fieldsCut > 0) rows.push(["cut", `${letter.fieldsCut} fields of the event were not kept`]);
  rows.push(["payload", problem === undefined ? shown(envelope.payload, maxPayload) : shown(problem, 500)]);
  rows.push(["redrive", redrive === "redriven" ? `hands it to ${component} again` : outcomeText[redrive]]);
  const lines = rows.filter(([, text]) => text !== "").map(([name, text]) => `  ${name.padEnd(8)} ${text}`);
  return [`Dead letter ${id} of ${channel} → ${component}, partition ${partition}`, ...lines].join("\n");
}

/** Writes the counts as aligned lines. */
export function renderCounts(counts: readonly LetterCount[]): string {
  const rows = counts.map(({ channel, component, code, count, oldestAt, newestAt }) => [
    String(count),
    shown(`${channel} → ${component}`, 160),
    shown(code, 64),
    `${timeText(oldestAt)} to ${timeText(newestAt)}`,
  ]);
  const widths = [0, 1, 2].map((column) => rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), 0));
  return rows
    .map(([count = "", whose = "", code = "", times = ""]) =>
      [count.padStart(widths[0] ?? 0), whose.padEnd(widths[1] ?? 0), code.padEnd(widths[2] ?? 0), times].join("  "),
    )
    .join("\n");
}

/** Counts letters by channel, component and code. Its memory grows with the kinds of letters, not with their number. */
export class LetterCounter {
  readonly #counts = new Map<string, LetterCount>();
  total = 0;
  /** Id of the last letter that was counted; empty before the first. */
  lastId = "";

  add({ id, channel, component, code, diedAt }: DeadLetter): void {
    this.total++;
    this.lastId = id;
    const kind = `${channel} ${component} ${code}`;
    const known = this.#counts.get(kind);
    if (known === undefined) {
      this.#counts.set(kind, { channel, component, code, count: 1, oldestAt: diedAt, newestAt: diedAt });
    } else {
      known.count++;
      known.newestAt = diedAt;
    }
  }

  /** The counts, the most frequent first. */
  get counts(): readonly LetterCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}
