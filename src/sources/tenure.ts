/** A source's partition while a process owns it: one run after the other, from the position that was written last. */

import type { Channel } from "../model/channel.ts";
import { FencedError, isRefusal } from "../model/errors.ts";
import { positionKey, readPosition, sliceOfSource } from "../model/source-names.ts";
import { fenceOf } from "../ownership/fence.ts";
import type { Hold, Tenure } from "../ownership/hold.ts";
import { atMost, Change, within } from "../ownership/pause.ts";
import { type Relay, relayOf } from "../ownership/relay.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Session, SliceStore } from "../ports/slice-store.ts";
import type { Tracing } from "../ports/tracing.ts";
import { Appends } from "./appends.ts";
import { RunScope } from "./run-scope.ts";
import type { SourceRun } from "./source.ts";

/** Between the end of a run and the next one's beginning, ms. */
const againAfterMs = 1_000;
/** The same after one that failed, twice as long each time. */
const failedDelayMs = { first: 250, most: 30_000 } as const;
/** Between two tries to read a position that cannot be read, ms. */
const unreadableDelayMs = 1_000;
/** A run that has gone on for so long does not count as failing any more, ms. */
const steadyAfterMs = 5_000;

/** What a process knows of a partition beyond one ownership. */
export interface Memory {
  /** The end of the last run, which may go on after its partition was lost. */
  lastRun: Promise<unknown>;
  /** The last position that was read or written here; undefined where none was. */
  position: string | undefined;
}

export interface SourceTenureContext<P> {
  readonly source: string;
  readonly channel: Channel<P>;
  readonly run: SourceRun<P>;
  readonly partition: number;
  readonly partitions: number;
  readonly memory: Memory;
  readonly store: Pick<SliceStore, "relays" | "openRelay">;
  readonly takeoverAfterMs: number;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly onChannel: (channel: Channel<unknown>) => void;
}

/**
 * waiting   for the ownership's confirmation → reading the position → running
 * running   the run ends, throws, or an append of it fails; when all that it appended is written → pausing
 * pausing   → waiting
 * quiet     its signal is aborted, and it begins no more under this ownership
 * over      the partition is lost
 */
export class SourceTenure<P> implements Tenure {
  readonly newest: Tenure["newest"] = [];
  readonly #context: SourceTenureContext<P>;
  readonly #hold: Hold;
  readonly #appends: Appends;
  /** Where the partitions are at several nodes. */
  readonly #relay: Relay | undefined;
  /** Told when the session or the ownership has changed, something was written, or a run has ended. */
  readonly #change = new Change();
  /** Aborts when no run may begin any more. */
  readonly #quiet = new AbortController();
  #session: Session | undefined;
  #isServing = false;
  #isOver = false;
  #scope: RunScope<P> | undefined;
  /** Why the position cannot be read; undefined where it can. */
  #unreadableBecause: string | undefined;
  /** Why the last run failed; undefined where none did, or a later one has succeeded. */
  #failedBecause: string | undefined;
  #delayMs: number = failedDelayMs.first;

  constructor(context: SourceTenureContext<P>, hold: Hold) {
    this.#context = context;
    this.#hold = hold;
    const { store, source, partition, partitions, clock, log } = context;
    this.#relay = relayOf(store, { component: sliceOfSource(source), partition, partitions, hold, clock, log });
    const appendedTo = (to: number): void => this.#relay?.nudge(to);
    this.#appends = new Appends({ ...context, hold, appendedTo, changed: () => this.#change.tell() });
  }

  get answered(): number {
    return this.#appends.answered;
  }

  get unfinished(): number {
    return (this.#scope === undefined ? 0 : 1) + this.#appends.count;
  }

  /** Why it is not ready, for people. */
  get problem(): string | undefined {
    const { refusedBecause } = this.#appends;
    if (refusedBecause !== undefined) return `the store refuses what it appends: ${refusedBecause}`;
    if (this.#unreadableBecause !== undefined) return `its position cannot be read: ${this.#unreadableBecause}`;
    return this.#failedBecause === undefined ? undefined : `its run failed: ${this.#failedBecause}`;
  }

  late(): readonly never[] {
    return [];
  }

  lost(): void {}

  showAgain(): void {}

  resume(session: Session): void {
    this.#session = session;
    this.#appends.resume(session);
    this.#relay?.resume(session);
    this.#change.tell();
    if (this.#isServing) return;
    this.#isServing = true;
    const { log, source, partition } = this.#context;
    this.#serve().catch((error: unknown) => {
      if (!this.#isOver) log.error({ source, partition, reason: String(error) }, "a source stands still");
    });
  }

  confirmed(): void {
    this.#change.tell();
  }

  async quiesce(ms: number): Promise<boolean> {
    const { clock } = this.#context;
    const begunAt = clock.now();
    const reason = new FencedError("the partition is handed over");
    this.#quiet.abort(reason);
    this.#scope?.stop(reason);
    this.#appends.quiet();
    this.#change.tell();
    if (!(await within(clock, ms, this.#change, () => this.unfinished === 0))) return false;
    await this.#relay?.rest(begunAt + ms - clock.now());
    return true;
  }

  /** Its run was told to end, and none begins again under this ownership. */
  goOn(): void {}

  end(reason: Error): void {
    this.#isOver = true;
    const fenced = reason instanceof FencedError ? reason : new FencedError(reason.message, { cause: reason });
    this.#quiet.abort(fenced);
    this.#scope?.stop(fenced);
    this.#appends.stop(fenced);
    this.#relay?.stop();
    this.#change.tell();
  }

  get #isQuiet(): boolean {
    return this.#quiet.signal.aborted;
  }

  async #serve(): Promise<void> {
    const { clock, memory, takeoverAfterMs } = this.#context;
    // A run that heeds its signal has ended. One that does not is fenced, and cannot hold up its partition for good.
    await atMost(clock, takeoverAfterMs, memory.lastRun);
    await this.#readPosition();
    while (!this.#isQuiet) {
      // The process may have stood still since it acquired the row: then it waits for a confirmation.
      if (!this.#hold.mayStart) {
        await this.#change.next();
        continue;
      }
      const delayMs = await this.#runOnce();
      while (!this.#appends.isIdle && !this.#isQuiet) await this.#change.next();
      memory.position = this.#appends.position ?? memory.position;
      await within(clock, delayMs, this.#change, () => this.#isQuiet);
    }
  }

  /** Until it is read, or no run may begin any more. What the store refuses, and what is no position, somebody has to mend. */
  async #readPosition(): Promise<void> {
    const { memory, clock, log, source, partition } = this.#context;
    while (!this.#isQuiet) {
      try {
        const json = await this.#ask(async (session) => (await session.readState([positionKey]))[0]);
        if (this.#isQuiet) return;
        const position = json === undefined ? undefined : readPosition(json).position;
        this.#unreadableBecause = undefined;
        if (position === undefined && memory.position !== undefined) {
          const text =
            "the source's position is gone: it begins again at the beginning, and what it appended may come in again";
          log.error({ source, partition, was: memory.position }, text);
        }
        memory.position = position;
        return;
      } catch (error) {
        const reason = String(error);
        if (reason !== this.#unreadableBecause)
          log.error({ source, partition, reason }, "the source's position cannot be read; it is tried again");
        this.#unreadableBecause = reason;
        await within(clock, unreadableDelayMs, this.#change, () => this.#isQuiet);
      }
    }
  }

  /** Resolves with nothing when no run may begin any more. @throws {StoreRefusal} */
  async #ask<T>(call: (session: Session) => Promise<T>): Promise<T | undefined> {
    while (!this.#isQuiet) {
      const session = this.#session;
      try {
        if (session !== undefined) return await call(session);
      } catch (error) {
        if (isRefusal(error)) throw error;
        const { source, partition, log } = this.#context;
        log.warn({ source, partition, reason: String(error) }, "the store does not answer; it is asked again");
        if (session !== undefined) this.#hold.broken(session);
      }
      while (session === this.#session && !this.#isQuiet) await this.#change.next();
    }
    return undefined;
  }

  /** Resolves, when the run has ended, with the time until the next one, ms. */
  async #runOnce(): Promise<number> {
    const { source, run, memory, clock, tracing, partition } = this.#context;
    const scope = new RunScope({
      ...this.#context,
      position: memory.position,
      fence: fenceOf(this.#hold.claim),
      appends: this.#appends,
      wallNow: () => clock.wallNow(),
    });
    this.#scope = scope;
    const cancel = clock.after(steadyAfterMs, () => this.#succeeded());
    let failure: unknown;
    let hasFailed = false;
    const running = (async () => run(scope))().catch((error: unknown) => {
      hasFailed = true;
      failure = error;
    });
    memory.lastRun = running;
    await running;
    cancel();
    if (!hasFailed && scope.failure !== undefined) {
      hasFailed = true;
      failure = scope.failure;
    }
    scope.close();
    this.#scope = undefined;
    this.#change.tell();
    if (scope.hasAppended) this.#succeeded();
    if (this.#isQuiet) {
      tracing.sourceRan(sliceOfSource(source), partition, "handedOver");
      return 0;
    }
    tracing.sourceRan(sliceOfSource(source), partition, hasFailed ? "failed" : "ended");
    if (!hasFailed) {
      this.#succeeded();
      return againAfterMs;
    }
    return this.#failed(failure);
  }

  #succeeded(): void {
    this.#failedBecause = undefined;
    this.#delayMs = failedDelayMs.first;
  }

  /** Said once, and again when it is for another reason. */
  #failed(failure: unknown): number {
    const { log, source, partition, chance } = this.#context;
    const reason = String(failure);
    const delayMs = Math.round(this.#delayMs * (1 - chance.number() / 4));
    const fields = { source, partition, reason, delayMs };
    if (reason !== this.#failedBecause) log.error(fields, "a source's run failed; it is begun again");
    else log.debug(fields, "a source's run failed again");
    this.#failedBecause = reason;
    this.#delayMs = Math.min(2 * this.#delayMs, failedDelayMs.most);
    return delayMs;
  }
}
