/** Republishes the selected entries of a source, marked as replayed, at their pace; each once, however often the run is interrupted. */

import { eventIdOf } from "../../inspect/entries/entry-json.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { encodeEntry, timeOf } from "../../model/envelope.ts";
import { ReplayError } from "../../model/errors.ts";
import type { Cause } from "../../model/event.ts";
import { markCauses, replayedId } from "../../model/replay-mark.ts";
import { endsWithin, whenAborted } from "../../model/waits.ts";
import type { PartitionProgress, ReplayedEntry, ReplayTarget } from "../../ports/replay-target.ts";
import type { ReplaySpan, SendSpan, TracedChannel } from "../../ports/tracing.ts";
import type { Pace } from "../source/pacing.ts";
import { problemOf } from "../source/readable-entry.ts";
import { Selection, type SelectionOptions } from "../source/selection.ts";
import type { ReplaySource } from "../source/source.ts";
import { IdSet } from "./event-id-set.ts";
import { Lane } from "./partition-lane.ts";

/** The inputs of republishing. */
export interface RepublishParts {
  readonly run: string;
  readonly source: ReplaySource;
  readonly selection: SelectionOptions;
  /** The channel into which all entries go; undefined where each goes into the channel of its name. */
  readonly into: string | undefined;
  readonly target: ReplayTarget;
  readonly pace: Pace;
  readonly span: ReplaySpan;
  /** Ends the run early, after the appends under way. */
  readonly signal: AbortSignal;
  /** Called when entries were appended, with the number that the run has appended in all. */
  readonly onProgress: (entries: number) => void;
  /** Called for each entry that is no event; the entry is left out. */
  readonly onUnreadable: (entry: LogEntry) => void;
}

/** The counts of a run. */
export interface Republished {
  /** Number of entries that the run has appended, in all calls. */
  readonly entries: number;
  /** Number of entries that this call has appended. */
  readonly appended: number;
  /** Number of entries that are no events, and were left out. */
  readonly unreadable: number;
  /** False where the run ended early. */
  readonly complete: boolean;
}

/** Most entries of one millisecond that are handled together; more come only from a clock that was set back. */
const maxTogether = 5_000;
/** Longest wait of a requested end while Redis is away, ms. */
const patienceMs = 3_000;

/** Republishes a source. A resumed run reads the source from its beginning and skips the entries that it has appended. @throws {ReplayError} */
export async function republish(parts: RepublishParts): Promise<Republished> {
  return new Republisher(parts, await parts.target.claim()).run();
}

class Republisher {
  readonly #parts: RepublishParts;
  readonly #progress: readonly PartitionProgress[];
  readonly #selection: Selection;
  readonly #lanes: readonly Lane[];
  /** Event ids that the run has made. A cause is part of the replay if its replayed id is among them. */
  readonly #ids = new IdSet();
  readonly #channels = new Map<string, TracedChannel>();
  /** Selected entries of one millisecond, not yet encoded. */
  #together: LogEntry[] = [];
  #togetherIds: string[] = [];
  #appended = 0;
  #unreadable = 0;
  readonly #before: number;
  /** Resolves when the run is to end. */
  readonly #aborted: Promise<void>;

  constructor(parts: RepublishParts, progress: readonly PartitionProgress[]) {
    this.#parts = parts;
    this.#progress = progress;
    this.#selection = new Selection(parts.selection);
    this.#before = progress.reduce((sum, { entries }) => sum + entries, 0);
    this.#aborted = whenAborted(parts.signal);
    const onAppended = (count: number): void => {
      this.#appended += count;
      parts.onProgress(this.#before + this.#appended);
    };
    this.#lanes = progress.map((_, partition) => new Lane(parts.target, partition, onAppended));
  }

  async run(): Promise<Republished> {
    const { signal } = this.#parts;
    let isCut = false;
    try {
      for await (const line of this.#parts.source.lines(signal)) {
        if (signal.aborted) break;
        if (line.kind !== "entry") continue;
        const { entry } = line;
        const selected = this.#selection.take(entry);
        if (selected === "end") break;
        if (selected === "left") continue;
        if (problemOf(line) !== undefined) {
          this.#unreadable++;
          this.#parts.onUnreadable(entry);
          continue;
        }
        const last = this.#together.at(-1);
        if (last !== undefined && (isOfAnotherMs(last, entry) || this.#together.length >= maxTogether)) {
          await this.#sendTogether();
        }
        this.#hold(entry);
      }
      await this.#sendTogether();
    } finally {
      // Entries that were read are sent even when the source fails; a resumed run begins after them.
      isCut = await this.#finish();
    }
    const complete = !signal.aborted && !isCut;
    return { entries: this.#before + this.#appended, appended: this.#appended, unreadable: this.#unreadable, complete };
  }

  // Streams number their entries separately within a millisecond, so an effect may be read before its cause. Therefore all ids of the
  // millisecond are known before any cause is looked up.
  #hold(entry: LogEntry): void {
    const id = replayedId(eventIdOf(entry), this.#parts.run);
    this.#ids.add(id);
    this.#together.push(entry);
    this.#togetherIds.push(id);
  }

  async #sendTogether(): Promise<void> {
    const { pace, signal } = this.#parts;
    const [entries, ids] = [this.#together, this.#togetherIds];
    this.#together = [];
    this.#togetherIds = [];
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as LogEntry;
      const lane = this.#lanes[entry.partition];
      if (lane === undefined) {
        throw new ReplayError(
          `entry ${entry.entryId} of "${entry.channel}" is of partition ${entry.partition}, which the target does not have`,
        );
      }
      if (this.#isDone(entry)) continue;
      if (pace.waitMs(timeOf(entry.entryId)) > 0) {
        for (const one of this.#lanes) one.flush();
        await pace.due(timeOf(entry.entryId), signal);
      }
      if (signal.aborted) return;
      const room = lane.add(entry, ...this.#encode(entry, ids[i] as string));
      if (room !== undefined) await Promise.race([room, this.#aborted]);
    }
  }

  #isDone({ partition, channel, entryId }: LogEntry): boolean {
    const position = this.#progress[partition]?.positions.get(channel);
    return position !== undefined && compareIds(entryId, position) <= 0;
  }

  #encode(entry: LogEntry, id: string): readonly [ReplayedEntry, SendSpan] {
    const { run, into, span } = this.#parts;
    const { envelope, partition } = entry;
    if (envelope === undefined) throw new ReplayError(`entry ${entry.entryId} is no event`);
    const channel = this.#channelOf(into ?? entry.channel);
    const sent = span.republish({ channel, partition, eventId: id, carrier: envelope });
    const causes = envelope.causes.map((cause): Cause => {
      const replayed = replayedId(cause.id, run);
      // Without the original's span: the replayed cause's own entry gives the span to which the handling links.
      return this.#ids.has(replayed) ? { id: replayed, traceparent: "" } : cause;
    });
    const marked = markCauses(
      { id: run, traceparent: span.traceparent },
      { id: envelope.id, traceparent: envelope.traceparent },
      causes,
    );
    const { time, key, payload, version, dueAt } = envelope;
    const values = encodeEntry(id, time, key, payload, sent.carrier, marked, version, dueAt);
    return [{ channel: channel.name, values }, sent];
  }

  #channelOf(name: string): TracedChannel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = { name, topology: "link" };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** Waits for appends under way. True where Redis was away for too long, so that only a resumed run learns what was appended. */
  async #finish(): Promise<boolean> {
    const { target } = this.#parts;
    for (const lane of this.#lanes) lane.flush();
    const flushed = Promise.all(this.#lanes.map((lane) => lane.flushed()));
    const first = await Promise.race([flushed, this.#aborted]);
    if (first !== undefined) return false;
    if (await endsWithin(patienceMs, flushed)) return false;
    flushed.catch(() => undefined); // the stored positions tell what was appended
    target.close();
    return true;
  }
}

function isOfAnotherMs(a: LogEntry, b: LogEntry): boolean {
  return timeOf(b.entryId) !== timeOf(a.entryId);
}
