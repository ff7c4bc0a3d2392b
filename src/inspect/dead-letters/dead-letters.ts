/** Lists, redrives and purges dead letters. */

import { compareIds } from "../../model/entry-ids.ts";
import {
  type DeadLetterStore,
  type PurgeOutcome,
  type RedriveOutcome,
  redriveOutcomes,
} from "../../ports/dead-letters.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { mergedPages } from "../entries/stream-merge.ts";
import { unused } from "../status/status.ts";
import { type DeadLetter, sizeOf, toDeadLetter } from "./dead-letter.ts";
import { type LetterCount, LetterCounter } from "./dead-letter-text.ts";
import { type DeadLetterFilter, type ResolvedFilter, resolveFilter } from "./filter.ts";

/** Number of letters that ended in each outcome. */
export type RedriveReport = Readonly<Record<RedriveOutcome, number>>;
/** Number of letters that ended in each outcome. */
export type PurgeReport = Readonly<Record<PurgeOutcome, number>>;

/** The scope of dead letters; all of the namespace where nothing is given. */
export interface DeadLetterScope {
  readonly channel?: string;
  readonly component?: string;
}

/** The dead letters of a scope. */
export interface DeadLetters {
  /** Lists letters, oldest first, a bounded page at a time. @throws {ConfigError} on a filter that cannot be used. @throws {StoreError} */
  list(filter?: DeadLetterFilter): AsyncIterable<DeadLetter>;
  /** Counts letters by channel, component and code. @throws as `list` */
  count(filter?: DeadLetterFilter): Promise<DeadLetterCounts>;
  /**
   * Hands the events of matching letters back to the component that gave them up, and to no other. A member starts attempt 1 within about
   * a second. One step hands the event back and removes the letter, so each letter is redriven once, however many callers there are.
   * Letters written meanwhile are left alone.
   * @throws {StoreError} when Redis is away or refuses; letters redriven by then stay redriven
   */
  redrive(filter?: DeadLetterFilter, onOutcome?: OnOutcome<RedriveOutcome>): Promise<RedriveReport>;
  /** Foretells the outcomes of `redrive`. Changes nothing. */
  rehearse(filter?: DeadLetterFilter, onOutcome?: OnOutcome<RedriveOutcome>): Promise<RedriveReport>;
  /** Removes matching letters for good. @throws as `redrive` */
  purge(filter?: DeadLetterFilter, onOutcome?: OnOutcome<PurgeOutcome>): Promise<PurgeReport>;
}

/** Numbers of letters. */
export interface DeadLetterCounts {
  readonly total: number;
  /** The most frequent kinds first. */
  readonly counts: readonly LetterCount[];
}

/** A callback that receives each letter when its outcome is known. */
export type OnOutcome<O> = (letter: DeadLetter, outcome: O) => void;

const purgeOutcomes = ["purged", "gone"] as const;

/** Most letters in one step, and most characters: the server does nothing else during a step. */
const batchSize = 100;
const batchLength = 1_048_576;

type Act<O> = (stream: LogStream, letters: readonly DeadLetter[]) => Promise<readonly O[]>;

/** The dead letters of a scope, by an inspector and a store. */
export class StoredDeadLetters implements DeadLetters {
  readonly #inspector: Inspector;
  readonly #store: DeadLetterStore;
  readonly #scope: DeadLetterScope;

  constructor(inspector: Inspector, store: DeadLetterStore, scope: DeadLetterScope) {
    this.#inspector = inspector;
    this.#store = store;
    this.#scope = scope;
  }

  async *list(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetter, void, undefined> {
    const resolved = resolveFilter(filter);
    for await (const { letter } of this.#select(resolved, await this.#streams(resolved))) yield letter;
  }

  async count(filter: DeadLetterFilter = {}): Promise<DeadLetterCounts> {
    const counter = new LetterCounter();
    for await (const letter of this.list(filter)) counter.add(letter);
    return { total: counter.total, counts: counter.counts };
  }

  redrive(filter: DeadLetterFilter = {}, onOutcome?: OnOutcome<RedriveOutcome>): Promise<RedriveReport> {
    const act: Act<RedriveOutcome> = (stream, letters) =>
      this.#store.redrive(
        stream,
        letters.map(({ id }) => id),
      );
    return this.#forEach(filter, redriveOutcomes, act, onOutcome);
  }

  rehearse(filter: DeadLetterFilter = {}, onOutcome?: OnOutcome<RedriveOutcome>): Promise<RedriveReport> {
    const act: Act<RedriveOutcome> = (stream, letters) => this.#foresee(stream, letters);
    return this.#forEach(filter, redriveOutcomes, act, onOutcome);
  }

  purge(filter: DeadLetterFilter = {}, onOutcome?: OnOutcome<PurgeOutcome>): Promise<PurgeReport> {
    const act: Act<PurgeOutcome> = (stream, letters) =>
      this.#store.purge(
        stream,
        letters.map(({ id }) => id),
      );
    return this.#forEach(filter, purgeOutcomes, act, onOutcome);
  }

  async #forEach<O extends string>(
    filter: DeadLetterFilter,
    outcomes: readonly O[],
    act: Act<O>,
    onOutcome?: OnOutcome<O>,
  ): Promise<Readonly<Record<O, number>>> {
    const resolved = resolveFilter(filter);
    const streams = await this.#streams(resolved);
    const report = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<O, number>;
    const lastIds = await this.#lastIds(streams);
    const batches = new Map<LogStream, { letters: DeadLetter[]; length: number }>();
    const flush = async (stream: LogStream): Promise<void> => {
      const { letters } = batches.get(stream) ?? { letters: [] };
      batches.delete(stream);
      if (letters.length === 0) return;
      const results = await act(stream, letters);
      for (const [i, letter] of letters.entries()) {
        const outcome = results[i] as O;
        report[outcome]++;
        onOutcome?.(letter, outcome);
      }
    };
    for await (const { letter, stream } of this.#select(resolved, streams)) {
      // Letters behind the last id are newer: a redriven event that fails again would otherwise be redriven without end.
      if (compareIds(letter.id, lastIds.get(stream) ?? "0-0") > 0) continue;
      const batch = batches.get(stream) ?? { letters: [], length: 0 };
      batches.set(stream, batch);
      batch.length += sizeOf(letter);
      if (batch.letters.push(letter) >= batchSize || batch.length > batchLength) await flush(stream);
    }
    for (const stream of batches.keys()) await flush(stream);
    return report;
  }

  async *#select(
    { from, to, limit, matches }: ResolvedFilter,
    streams: readonly LogStream[],
  ): AsyncGenerator<{ letter: DeadLetter; stream: LogStream }, void, undefined> {
    let left = limit;
    if (left <= 0) return;
    for await (const { entry, stream } of mergedPages(this.#inspector, streams, { from, to, reverse: false })) {
      const letter = toDeadLetter(entry, stream);
      if (!matches(letter)) continue;
      yield { letter, stream };
      if (--left <= 0) return;
    }
  }

  /** Lists the streams of dead letters in scope. */
  async #streams({ partition }: ResolvedFilter): Promise<readonly LogStream[]> {
    const catalogue = await this.#inspector.catalogue();
    if (catalogue === undefined) throw unused(this.#inspector.namespace);
    const { channel, component } = this.#scope;
    const partitions = partition === undefined ? [...Array(catalogue.partitions).keys()] : [partition];
    if (channel !== undefined && component !== undefined) {
      return partitions.map((one) => ({ channel, partition: one, deadOf: component }));
    }
    const streams: LogStream[] = [];
    for (const one of partitions) {
      const pairs = new Map<string, LogStream>();
      const add = (channel: string, deadOf: string): unknown =>
        pairs.set(`${channel}:${deadOf}`, { channel, partition: one, deadOf });
      for (const [name, channels] of catalogue.components) for (const consumed of channels) add(consumed, name);
      // A component whose description is missing still has its groups.
      for (const name of channel === undefined ? catalogue.channels : [channel]) {
        const facts = await this.#inspector.streamFacts({ channel: name, partition: one });
        for (const group of facts?.groups ?? []) add(name, group.component);
      }
      for (const stream of pairs.values()) {
        if (channel !== undefined && stream.channel !== channel) continue;
        if (component === undefined || stream.deadOf === component) streams.push(stream);
      }
    }
    return streams;
  }

  async #lastIds(streams: readonly LogStream[]): Promise<ReadonlyMap<LogStream, string>> {
    const lastIds = new Map<LogStream, string>();
    for (const stream of streams) {
      const [last] = await this.#inspector.page(stream, { from: "-", to: "+", reverse: true }, 1);
      if (last !== undefined) lastIds.set(stream, last.entryId);
    }
    return lastIds;
  }

  /** Makes the same checks as redrive.lua. */
  async #foresee(
    { channel, partition, deadOf = "" }: LogStream,
    letters: readonly DeadLetter[],
  ): Promise<readonly RedriveOutcome[]> {
    const stream = { channel, partition };
    const facts = await this.#inspector.streamFacts(stream, [deadOf]);
    const position = facts?.groups.find(({ component }) => component === deadOf)?.positionId;
    const outcomes: RedriveOutcome[] = [];
    for (const { entryId } of letters) {
      if (entryId === "") outcomes.push("unreadable");
      else if (position === undefined || compareIds(entryId, position) > 0) outcomes.push("undelivered");
      else if ((await this.#inspector.openDelivery(stream, deadOf, entryId)) !== undefined) outcomes.push("open");
      else {
        const [entry] = await this.#inspector.page(stream, { from: entryId, to: entryId, reverse: false }, 1);
        outcomes.push(entry === undefined ? "trimmed" : "redriven");
      }
    }
    return outcomes;
  }
}
