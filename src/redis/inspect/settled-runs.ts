/**
 * How handlers ran, in the settlement log: what a span needs and cannot be derived.
 *
 * Field `runs`: a word for each call of `calls`, in their order: the time from the handler's start to the settlement in ms, to base 36;
 * then what is not as usual: `.<attempt>` where it is not the first, `*<run>` where the handler had begun within the attempt before, `!`
 * where the delivery was taken over, `@<epoch>` of another ownership. `-`: no handler ran.
 * Field `failed`: a JSON array of runs that ended otherwise. Field `owner`: `<member> <epoch>`, in the first note of an ownership and
 * in each 64th of its batches.
 */

import { errorTypeOf, exceptionOf } from "../../model/error-facts.ts";
import type { FailedNote, RunNote } from "../../model/recorded-settlement.ts";
import type { Claim } from "../../ports/own.ts";
import type { Batch, FailedRun, HandlerRun, Settlement } from "../../ports/settle.ts";
import type { ArgWriter } from "../client/argument-writer.ts";

/** Whoever reads from the middle of the log finds the owner within so many notes. */
const ownerEvery = 64;

/** Adds three arguments: `runs`, `failed` and `owner`. */
export function addRuns(writer: ArgWriter, keepsLog: boolean, claim: Claim, batch: Batch): void {
  const { settlements, at, number } = batch;
  writer.open();
  let failed: FailedRun[] | undefined;
  if (keepsLog && at !== undefined) {
    failed = batch.ended === undefined || batch.ended.length === 0 ? undefined : [...batch.ended];
    let isFirst = true;
    for (let i = 0; i < settlements.length; i++) {
      const settlement = settlements[i] as Settlement;
      if (settlement.kind === "acked") {
        if (!isFirst) writer.part(" ");
        isFirst = false;
        addRun(writer, settlement.ran, at, claim.epoch);
      } else if (settlement.failed !== undefined) {
        failed ??= [];
        failed.push(settlement.failed);
      }
    }
  }
  writer.close();
  writer.add(failed === undefined ? "" : JSON.stringify(failed.map((run) => noteOf(run, at as number))));
  writer.add(keepsLog && number % ownerEvery === 1 ? `${memberOf(claim)} ${claim.epoch}` : "");
}

function memberOf({ owner }: Claim): string {
  return owner.slice(0, Math.max(0, owner.indexOf("/")));
}

function addRun(writer: ArgWriter, ran: HandlerRun | undefined, at: number, epochOfClaim: number): void {
  if (ran === undefined) {
    writer.part("-");
    return;
  }
  const { startedMs, attempt, claimed, run, epoch } = ran;
  writer.part(Math.max(0, Math.round(at - startedMs)).toString(36));
  if (attempt !== 1) writer.part(`.${attempt}`);
  if (run > 0) writer.part(`*${run}`);
  if (claimed) writer.part("!");
  if (epoch !== epochOfClaim) writer.part(`@${epoch}`);
}

function noteOf({ ran, outcome, entries, endedMs, member, error }: FailedRun, at: number): FailedNote {
  const { startedMs, attempt, claimed, run, epoch } = ran;
  return {
    outcome,
    channel: entries[0]?.channel ?? "",
    entryIds: entries.map(({ entryId }) => entryId),
    tookMs: Math.max(0, Math.round(at - startedMs)),
    ...(endedMs === undefined ? {} : { endedAgoMs: Math.max(0, Math.round(at - endedMs)) }),
    attempt,
    run,
    claimed,
    epoch,
    ...(member === undefined ? {} : { member }),
    ...(error === undefined ? {} : { errorType: errorTypeOf(error), error: exceptionOf(error).message }),
  };
}

/** A word without anything that is not as usual. */
const usual = /^[0-9a-z]{1,11}$/;
const word = /^([0-9a-z]{1,11})(?:\.(\d{1,9}))?(?:\*(\d{1,9}))?(!?)(?:@(\d{1,16}))?$/;

/** Reads a word of the field `runs`; undefined where no handler ran, or the word is none. `epoch`: undefined where it is the owner's. */
export function parseRun(text: string | undefined): RunNote | undefined {
  if (text !== undefined && usual.test(text)) {
    return { tookMs: Number.parseInt(text, 36), attempt: 1, run: 0, claimed: false };
  }
  const [, took, attempt = "1", run = "0", claimed, epoch] = word.exec(text ?? "") ?? [];
  if (took === undefined) return undefined;
  return {
    tookMs: Number.parseInt(took, 36),
    attempt: Number(attempt),
    run: Number(run),
    claimed: claimed === "!",
    ...(epoch === undefined ? {} : { epoch: Number(epoch) }),
  };
}

/** Reads the field `failed`; anybody may have written it, so that what is no such run is left out. */
export function parseFailed(text: string): readonly FailedNote[] {
  try {
    const notes: unknown = JSON.parse(text);
    return Array.isArray(notes) ? notes.filter(isNote) : [];
  } catch {
    return [];
  }
}

function isNote(note: unknown): note is FailedNote {
  if (typeof note !== "object" || note === null) return false;
  const { outcome, channel, entryIds, tookMs, attempt, run, epoch } = note as Record<string, unknown>;
  return (
    typeof outcome === "string" &&
    outcomes.has(outcome) &&
    typeof channel === "string" &&
    Array.isArray(entryIds) &&
    entryIds.length > 0 &&
    entryIds.every((id) => typeof id === "string" && /^\d{1,20}-\d{1,20}$/.test(id)) &&
    [tookMs, attempt, run, epoch].every((number) => Number.isSafeInteger(number) && Number(number) >= 0)
  );
}

const outcomes: ReadonlySet<string> = new Set(["retried", "conflict", "deadLettered", "owner_lost"]);

/** Reads the field `owner`. */
export function parseOwner(text: string): { readonly member: string; readonly epoch: number } | undefined {
  const [, member, epoch] = /^(\S+) (\d{1,16})$/.exec(text) ?? [];
  return member === undefined ? undefined : { member, epoch: Number(epoch) };
}
