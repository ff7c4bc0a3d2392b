/** Reads the entries that a run would take before the run writes anything, and counts them and those that are no events. */

import { timeOf } from "../../model/envelope.ts";
import { RecordingError, ReplayError } from "../../model/errors.ts";
import { problemOf } from "../source/readable-entry.ts";
import { Selection, type SelectionOptions } from "../source/selection.ts";
import type { ReplaySource } from "../source/source.ts";

/** The extent of a run. */
export interface Survey {
  /** Number of entries that would be republished, by source channel. */
  readonly entries: ReadonlyMap<string, number>;
  /** Number of entries that are no events. */
  readonly unreadable: number;
  /** The first few entries that are no events. */
  readonly named: readonly Unreadable[];
  /** Epoch ms of the first and the last append among the entries to republish; 0 where there are none. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** An entry that is no event. */
export interface Unreadable {
  readonly channel: string;
  readonly entryId: string;
  /** Line in a recording's file; undefined for the live log. */
  readonly line: number | undefined;
  readonly problem: string;
}

/** Most unreadable entries that are named; the count covers all. */
const maxNamed = 5;

/** Reads the source; decodes envelopes, but not payloads. @throws {RecordingError} {StoreError}, and the signal's reason */
export async function surveySource(
  source: ReplaySource,
  options: SelectionOptions,
  signal?: AbortSignal,
): Promise<Survey> {
  const selection = new Selection(options);
  const entries = new Map<string, number>();
  const named: Unreadable[] = [];
  let unreadable = 0;
  let [firstAt, lastAt] = [0, 0];
  for await (const line of source.lines(signal)) {
    if (line.kind !== "entry") continue;
    const { channel, entryId } = line.entry;
    const selected = selection.take(line.entry);
    if (selected === "end") break;
    if (selected === "left") continue;
    const problem = problemOf(line);
    if (problem !== undefined) {
      unreadable++;
      const number = "line" in line && typeof line.line === "number" ? line.line : undefined;
      if (named.length < maxNamed) named.push({ channel, entryId, line: number, problem });
      continue;
    }
    entries.set(channel, (entries.get(channel) ?? 0) + 1);
    lastAt = timeOf(entryId);
    firstAt ||= lastAt;
  }
  signal?.throwIfAborted();
  return { entries, unreadable, named, firstAt, lastAt };
}

/** Refuses a source with an entry that is no event. @throws {RecordingError} with the line of a recording. @throws {ReplayError} for the log */
export function refuseUnreadable(source: ReplaySource, { unreadable, named }: Survey): void {
  const [first] = named;
  if (first === undefined) return;
  const each = named.map(({ channel, line, problem }, i) => {
    return `${line === undefined || i === 0 ? "" : `line ${line}: `}${channel}: ${problem}`;
  });
  const rest = unreadable > named.length ? `; and ${unreadable - named.length} more` : "";
  const advice = `${each.join("; ")}${rest}. Nothing was written; skipInvalid (--skip-invalid) leaves them out`;
  if (first.line !== undefined) throw new RecordingError(source.name, first.line, advice);
  throw new ReplayError(`${source.name}: ${advice}`);
}
