/** Settlements into numbered batches, a few unanswered at once: sent again in their order after a loss, never with other content under a number. */

import { goneBack, type Hold } from "../ownership/hold.ts";
import { type Heard, settleUnder } from "../ownership/settle-under.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import {
  type Batch,
  type FailedRun,
  hasEffects,
  type Settlement,
  type SettleResult,
  type Settling,
  settlePipeline,
} from "../ports/settle.ts";
import type { Delivery } from "./delivery.ts";
import type { InFlight } from "./in-flight.ts";
import { RefusalReport } from "./refusal-report.ts";
import { refusedDelayMs, SettlementQueue, type Submission } from "./settlement-queue.ts";

type Session = Pick<Settling, "settle">;

/** Most runs of which the settlement log is told at once. */
const maxEnded = 1_000;
/** So many acknowledgements do not wait for others, or a quarter of what may be in flight. */
const soonFrom = 64;

interface Sent {
  readonly batch: Batch;
  readonly submissions: readonly Submission[];
  readonly locks: ReadonlySet<string>;
  /** `sent`: unanswered. `ahead`: not written, as one before it is missing. `refused`: not written, as the server takes none of it. */
  state: "sent" | "ahead" | "refused";
}

export interface SettlerContext {
  readonly hold: Hold;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly log: Log;
  readonly component: string;
  /** Acknowledgements wait so long for others, ms: nobody waits for them, and one costs the server about as much as a hundred. Default 0. */
  readonly acknowledgeWithinMs?: number | undefined;
  /** A settlement was written that had an output for this other partition. */
  readonly relayed?: ((to: number) => void) | undefined;
  /** The store has refused the settlements of so many deliveries. */
  readonly refused?: ((deliveries: number) => void) | undefined;
}

export class Settler {
  readonly #context: SettlerContext;
  readonly #refusals: RefusalReport;
  #session: Session | undefined;
  readonly #queue = new SettlementQueue((lock) => this.#isSent(lock));
  /** Runs that the settlement log is told of with the next batch. */
  #ended: FailedRun[] = [];
  /** In the order of their numbers. */
  #unanswered: Sent[] = [];
  /** The number of the last batch. */
  #number = 0;
  #answered = 0;
  /** Whole batches were refused: until then nothing is sent, or only what needs no memory. On the monotonic clock. */
  #anythingFrom = 0;
  #effectsFrom = 0;
  #nextDelayMs: number = refusedDelayMs.first;
  /** What was refused is cut anew, once the slice is taken again. */
  #isCutting = false;
  /** What waits is to be sent as soon as it may be. */
  #isDue = false;
  /** It is, at the end of this turn. */
  #isFlushing = false;
  /** Acknowledgements wait for others. */
  #isWaiting = false;
  /** Why it is over; undefined before. */
  #end: Error | undefined;

  constructor(context: SettlerContext) {
    this.#context = context;
    const { component, log, clock, refused = () => undefined } = context;
    this.#refusals = new RefusalReport(component, log, clock, refused);
  }

  /** Number of the last batch that was answered. */
  get answered(): number {
    return this.#answered;
  }

  get isIdle(): boolean {
    return this.#queue.length + this.#unanswered.length === 0;
  }

  submit(submission: Submission): void {
    if (this.#end !== undefined) {
      submission.lost(this.#end, false);
      return;
    }
    this.#queue.push(submission);
    const { here, room } = this.#context.inFlight;
    const isMuch = this.#queue.length >= Math.min(soonFrom, (here + room) / 4);
    const isSoon = this.#context.acknowledgeWithinMs === undefined || isMuch || hasEffects(submission.settlement);
    if (!isSoon) this.#flushLater();
    else if (this.#queue.isBehind(submission.settlement)) this.#isDue = true;
    else this.#flushSoon();
  }

  #isSent(lock: string): boolean {
    for (const { locks } of this.#unanswered) if (locks.has(lock)) return true;
    return false;
  }

  /** The settlement log is to be told of a run that has no settlement of its own; of some it never hears, where there are too many. */
  note(run: FailedRun): void {
    if (this.#ended.length < maxEnded) this.#ended.push(run);
  }

  /** Sends what waits for others. */
  hurry(): void {
    this.#flushSoon();
  }

  /** Sends over this session from now on; what is unanswered first, in its order. */
  resume(session: Session): void {
    this.#session = session;
    if (this.#isCutting) this.#cutAnew();
    else this.#sendAgain();
    this.#flushSoon();
  }

  /** The slice is lost. */
  stop(reason: Error): void {
    this.#end = reason;
    for (const { submissions } of this.#unanswered) for (const submission of submissions) submission.lost(reason, true);
    for (const submission of this.#queue.empty()) submission.lost(reason, false);
    this.#unanswered = [];
  }

  #flushSoon(): void {
    this.#isDue = true;
    if (this.#isFlushing || this.#end !== undefined) return;
    this.#isFlushing = true;
    this.#context.clock.soon(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flushLater(): void {
    if (this.#isDue || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#context.clock.after(this.#context.acknowledgeWithinMs ?? 0, () => {
      this.#isWaiting = false;
      if (this.#queue.length > 0) this.#flushSoon();
    });
  }

  #flush(): void {
    // While one is not written, those after it cannot be.
    while (this.#end === undefined && !this.#isCutting && this.#session !== undefined && this.#mayAdd()) {
      const now = this.#context.clock.now();
      if (now < this.#anythingFrom) return;
      const { submissions, locks, hasMore } = this.#queue.take(now, this.#effectsFrom);
      if (this.#queue.length === 0) this.#isDue = false;
      if (submissions.length === 0) return;
      this.#send(this.#batchOf(submissions, locks));
      if (!hasMore) return;
    }
  }

  #mayAdd(): boolean {
    return this.#unanswered.length < settlePipeline && this.#unanswered.every(({ state }) => state === "sent");
  }

  #batchOf(submissions: readonly Submission[], locks: ReadonlySet<string>): Sent {
    const { inFlight } = this.#context;
    const channels = new Set<string>();
    for (const { settlement, deliveries } of submissions) {
      if (settlement.kind !== "blocked") inFlight.setInBatch(deliveries, true);
      for (const { channel } of deliveries) channels.add(channel);
    }
    const settlements = submissions.map(({ settlement }) => settlement);
    const positions = [...channels].map((channel) => inFlight.positionOf(channel));
    const batch = { number: ++this.#number, settlements, positions, at: this.#context.clock.now(), ended: this.#ended };
    if (this.#ended.length > 0) this.#ended = [];
    const sent: Sent = { batch, submissions, locks, state: "sent" };
    this.#unanswered.push(sent);
    return sent;
  }

  #send(sent: Sent): void {
    const session = this.#session as Session;
    sent.state = "sent";
    const isAwaited = (): boolean =>
      this.#end === undefined && session === this.#session && this.#unanswered.includes(sent);
    settleUnder(this.#context, session, sent.batch, isAwaited, (reply) => this.#hear(sent, reply));
  }

  #hear(sent: Sent, reply: Heard): void {
    if (reply.outcome === "settled") this.#onSettled(sent, reply.results);
    else if (reply.outcome === "refused") this.#onRefused(sent, reply.reason);
    else if (reply.seq < this.#answered) this.#context.hold.lost(goneBack);
    else sent.state = "ahead";
    if (this.#end !== undefined) return;
    if (this.#unanswered.every(({ state }) => state !== "sent")) {
      if (this.#unanswered.some(({ state }) => state === "refused")) this.#cutAnew();
      else this.#sendAgain();
    }
    if (this.#isDue) this.#flushSoon();
  }

  #onSettled(sent: Sent, results: readonly SettleResult[]): void {
    const { inFlight, clock } = this.#context;
    this.#unanswered = this.#unanswered.filter((one) => one !== sent);
    this.#answered = Math.max(this.#answered, sent.batch.number);
    if (sent.batch.settlements.some(hasEffects)) this.#nextDelayMs = refusedDelayMs.first;
    const refused: Submission[] = [];
    const byReason = new Map<string, Delivery[]>();
    for (let i = 0; i < sent.submissions.length; i++) {
      const submission = sent.submissions[i] as Submission;
      const result = results[i] as SettleResult;
      if (result.outcome === "settled") {
        submission.settled(result.ids);
        this.#tellRelay(submission.settlement);
        continue;
      }
      byReason.set(result.reason, [...(byReason.get(result.reason) ?? []), ...submission.deliveries]);
      inFlight.setInBatch(submission.deliveries, false);
      for (const delivery of submission.deliveries) delivery.isNoted = true; // the row names it as refused
      const delayMs = submission.refusal?.nextDelayMs ?? refusedDelayMs.first;
      submission.refusal = {
        notBefore: clock.now() + delayMs,
        nextDelayMs: Math.min(2 * delayMs, refusedDelayMs.most),
      };
      clock.after(delayMs, () => this.#flushSoon());
      refused.push(submission);
    }
    for (const [reason, deliveries] of byReason) this.#refusals.add(deliveries, reason);
    this.#queue.putBack(refused);
  }

  #tellRelay(settlement: Settlement): void {
    const { relayed } = this.#context;
    if (relayed === undefined || settlement.kind !== "acked") return;
    for (const { partition } of settlement.outputs) relayed(partition);
  }

  #onRefused(sent: Sent, reason: string): void {
    const { clock } = this.#context;
    sent.state = "refused";
    const deliveries = sent.submissions.flatMap((submission) => submission.deliveries);
    this.#refusals.add(deliveries, reason);
    this.#effectsFrom = clock.now() + this.#nextDelayMs;
    if (!sent.batch.settlements.some(hasEffects)) this.#anythingFrom = this.#effectsFrom;
    clock.after(this.#nextDelayMs, () => this.#flushSoon());
    this.#nextDelayMs = Math.min(2 * this.#nextDelayMs, refusedDelayMs.most);
  }

  /** A batch that was refused as a whole must not hold up what needs no memory; and a number gets no other content. */
  #cutAnew(): void {
    const { hold, inFlight } = this.#context;
    this.#isCutting = true;
    hold.retake().then((isTaken) => {
      if (this.#end !== undefined || !isTaken) return; // it is lost, or `resume` tries again
      const submissions = this.#unanswered.flatMap((sent) => sent.submissions);
      for (const { deliveries } of submissions) inFlight.setInBatch(deliveries, false);
      this.#queue.putBack(submissions);
      this.#ended.unshift(...this.#unanswered.flatMap(({ batch }) => batch.ended ?? []));
      this.#unanswered = [];
      this.#number = 0;
      this.#answered = 0;
      this.#isCutting = false;
      this.#flushSoon();
    });
  }

  #sendAgain(): void {
    for (const sent of this.#unanswered) this.#send(sent);
  }
}
