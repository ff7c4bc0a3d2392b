/** A source's appends into numbered batches, one unanswered at a time: sent again after a loss, never with other content under a number. */

import { FencedError } from "../model/errors.ts";
import { positionKey, writePosition } from "../model/source-names.ts";
import { goneBack, type Hold } from "../ownership/hold.ts";
import { settleUnder } from "../ownership/settle-under.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Batch, Settlement, SettleResult, Settling } from "../ports/settle.ts";
import type { Outgoing } from "../publish/outgoing.ts";

type Session = Pick<Settling, "settle">;

/** Most appends and most events in one batch, and about how many bytes; an append that has more goes alone. */
const maxAppends = 128;
const maxEvents = 1_000;
const maxSize = 1_048_576;
/** How long what the store refuses waits before it is tried again, ms. */
const refusedDelayMs = { first: 200, most: 10_000 } as const;
/** All appends change the position: none may be written when one before it is refused. */
const locks: readonly string[] = Object.freeze(["position"]);

/** One append, from the queue until it is written or given up. */
interface Append {
  readonly events: readonly Outgoing[];
  readonly position: string;
  readonly size: number;
  readonly settlement: Settlement;
  readonly written: (entryIds: readonly string[]) => void;
  readonly failed: (error: Error) => void;
}

interface Sent {
  readonly batch: Batch;
  readonly appends: readonly Append[];
}

export interface AppendsContext {
  readonly hold: Hold;
  readonly clock: Clock;
  readonly log: Log;
  readonly source: string;
  readonly partition: number;
  /** Something was written that goes to this partition. */
  readonly appendedTo: (partition: number) => void;
  /** Something was written, refused or given up. */
  readonly changed: () => void;
}

export class Appends {
  readonly #context: AppendsContext;
  #session: Session | undefined;
  #queue: Append[] = [];
  #sent: Sent | undefined;
  /** Number of the last batch that was answered. */
  #answered = 0;
  /** The last position that was written under this ownership. */
  #position: string | undefined;
  #delayMs: number = refusedDelayMs.first;
  /** Cancels the next try of what was refused; undefined while nothing waits for one. */
  #cancelRetry: (() => void) | undefined;
  #refusedBecause: string | undefined;
  #isQuiet = false;
  #isFlushing = false;
  /** Why it is over; undefined before. */
  #end: Error | undefined;

  constructor(context: AppendsContext) {
    this.#context = context;
  }

  get answered(): number {
    return this.#answered;
  }

  get isIdle(): boolean {
    return this.count === 0;
  }

  /** Appends that are not written. */
  get count(): number {
    return this.#queue.length + (this.#sent?.appends.length ?? 0);
  }

  get position(): string | undefined {
    return this.#position;
  }

  /** Why the store refuses what comes next; undefined where it does not. */
  get refusedBecause(): string | undefined {
    return this.#refusedBecause;
  }

  /** Resolves with the entry ids when it is written. @throws {FencedError} when the slice is lost or handed over first */
  add(events: readonly Outgoing[], position: string): Promise<readonly string[]> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((written, failed) => {
      const size = events.reduce((sum, event) => sum + event.size, 0);
      const outputs = events.map((event) => ({ partition: event.partition, entry: event }));
      const json = writePosition({ position, at: this.#context.clock.wallNow() });
      const settlement: Settlement = {
        kind: "acked",
        locks,
        entries: [],
        outputs,
        changes: [{ ...positionKey, json }],
      };
      this.#queue.push({ events, position, size, settlement, written, failed });
      this.#flushSoon();
    });
  }

  /** Sends over this session from now on, and again what is unanswered. */
  resume(session: Session): void {
    this.#session = session;
    this.#flush();
  }

  /** The slice is to be handed over: what the store refuses is given up. */
  quiet(): void {
    this.#isQuiet = true;
    if (this.#refusedBecause !== undefined) this.#giveUp(this.#refusedBecause);
  }

  /** The slice is lost. */
  stop(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#cancelRetry?.();
    const [sent, queue] = [this.#sent?.appends ?? [], this.#queue];
    this.#sent = undefined;
    this.#queue = [];
    const doubt = new FencedError(`${reason.message}; whether this append was written before is not known`);
    for (const append of sent) fail(append, doubt);
    for (const append of queue) fail(append, reason);
    this.#context.changed();
  }

  #giveUp(reason: string): void {
    this.stop(new FencedError(`the partition is handed over, and the store refuses what is left: ${reason}`));
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#context.clock.soon(() => {
      this.#isFlushing = false;
      if (this.#sent === undefined && this.#cancelRetry === undefined) this.#flush();
    });
  }

  /** Sends the unanswered batch again, or the next one. */
  #flush(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const session = this.#session;
    if (this.#end !== undefined || session === undefined) return;
    this.#sent ??= this.#nextBatch();
    if (this.#sent !== undefined) this.#send(session, this.#sent);
  }

  #nextBatch(): Sent | undefined {
    let count = 0;
    let events = 0;
    let size = 0;
    for (const append of this.#queue) {
      events += append.events.length;
      size += append.size;
      if (count > 0 && (count >= maxAppends || events > maxEvents || size > maxSize)) break;
      count++;
    }
    if (count === 0) return undefined;
    const appends = this.#queue.splice(0, count);
    const settlements = appends.map(({ settlement }) => settlement);
    return { batch: { number: this.#answered + 1, settlements, positions: [] }, appends };
  }

  #send(session: Session, sent: Sent): void {
    const isAwaited = (): boolean => this.#end === undefined && session === this.#session && sent === this.#sent;
    settleUnder(this.#context, session, sent.batch, isAwaited, (reply) => {
      if (reply.outcome === "settled") this.#onSettled(sent, reply.results);
      else if (reply.outcome === "refused") this.#onRefused(reply.reason);
      else this.#context.hold.lost(goneBack); // `ahead`: a batch that was answered is missing
    });
  }

  #onSettled(sent: Sent, results: readonly SettleResult[]): void {
    this.#sent = undefined;
    this.#answered = sent.batch.number;
    let refused: string | undefined;
    const left: Append[] = [];
    for (const [i, append] of sent.appends.entries()) {
      const result = results[i] as SettleResult;
      if (result.outcome === "refused") {
        refused ??= result.reason;
        left.push(append);
        continue;
      }
      this.#position = append.position;
      for (const [e, event] of append.events.entries()) {
        event.sent(result.ids[e] ?? "");
        this.#context.appendedTo(event.partition);
      }
      append.written(result.ids);
    }
    this.#queue = [...left, ...this.#queue];
    if (left.length < sent.appends.length) {
      this.#delayMs = refusedDelayMs.first;
      this.#refusedBecause = undefined;
    }
    if (refused !== undefined) this.#onRefused(refused);
    else this.#flush();
    this.#context.changed();
  }

  /** Nothing of it is written: tried again later, since nothing may overtake it. */
  #onRefused(reason: string): void {
    const { clock, log, source, partition } = this.#context;
    if (reason !== this.#refusedBecause)
      log.error(
        { source, partition, reason },
        "the store refuses what the source appends: it waits, and is tried again",
      );
    this.#refusedBecause = reason;
    if (this.#isQuiet) {
      this.#giveUp(reason);
      return;
    }
    this.#cancelRetry = clock.after(this.#delayMs, () => this.#flush());
    this.#delayMs = Math.min(2 * this.#delayMs, refusedDelayMs.most);
    this.#context.changed();
  }
}

function fail({ events, failed }: Append, error: Error): void {
  for (const event of events) event.unsent(error);
  failed(error);
}
