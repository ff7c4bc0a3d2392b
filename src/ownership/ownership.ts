/** A slice's row in the eyes of one member: watched, taken, kept, handed over. What is done with the slice while it is owned is a tenure. */

import { FencedError, StoreError, type ThroughlineError } from "../model/errors.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Acquired, Claim, Look, NewestRead, OwnerRow, Slice } from "../ports/own.ts";
import type { Session, SliceStore } from "../ports/slice-store.ts";
import { Confirmation } from "./confirmation.ts";
import { type DeadOwner, deadOwnerOf, goneBack, type Hold, type Moment, type Tenure } from "./hold.ts";
import { OwnershipReport } from "./ownership-report.ts";
import { atMost, Pause } from "./pause.ts";
import { RowWatch } from "./row-watch.ts";

/** How often an owner renews its row, and watchers look at it, ms. */
export function beatMsOf(takeoverAfterMs: number): number {
  return Math.min(250, takeoverAfterMs / 8);
}

export interface OwnershipContext {
  readonly slice: Slice;
  readonly channels: readonly string[];
  readonly member: string;
  readonly store: Pick<SliceStore, "open">;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly takeoverAfterMs: number;
  readonly beatMs: number;
  readonly begin: "0" | "$";
  /** Whether this member may take anything at all. */
  readonly mayOwn: () => boolean;
  /** Whether it should own the slice, among all that live but for `without`. */
  readonly shouldOwn: (without?: string) => boolean;
  readonly open: (hold: Hold, acquired: Acquired & { outcome: "acquired" }, dead?: DeadOwner) => Tenure;
  /** The row was looked at, or the store has refused that. */
  readonly looked?: () => void;
  /** The slice was taken from an owner that had fallen silent. */
  readonly tookOver?: () => void;
}

/** Between two tries to hand over, and to reach a server that is away, ms. */
const handOverEveryMs = 1_000;
/** How often an owner looks after its channels, ms. */
const tendMs = 1_000;
const reconnectMs = 100;
/** After so long without a turn its loop stands still, ms: longer than any call waits for its answer. */
const stillMs = 30_000;
/** How long a member that leaves waits for the answer to its release, ms. */
const releaseGraceMs = 1_000;

/**
 * watching   looks at the row. Free and ours, dead, or named in it → owning. Somebody else's and ours → says so in the row.
 * owning     renews the row unless a settlement did. Fenced or regressed → watching. Wanted by another → handing over.
 * handing    the tenure is quiet. Released → watching; something runs on → owning, and again later.
 * closed     owns nothing.
 */
export class Ownership implements Hold {
  readonly #context: OwnershipContext;
  readonly #pause: Pause;
  readonly #watch: RowWatch;
  readonly #report: OwnershipReport;
  #session: Session | undefined;
  /** Both or none: what is owned, and under what. */
  #tenure: Tenure | undefined;
  #claim: Claim = { epoch: 0, owner: "" };
  readonly #confirmation: Confirmation;
  /** The greatest epoch ever seen, of any owner. */
  #highestEpoch = 0;
  /** Somebody has owned the slice before: a group that is not there now is no new one. */
  #isKnown = false;
  #isHandingOver = false;
  #isRetaking = false;
  /** A release under this claim was sent, and not answered. */
  #isReleaseDoubtful = false;
  #handOverFrom = 0;
  #isLeaving = false;
  #isClosed = false;
  #isSeen = false;
  /** When the channels were last looked after, on the monotonic clock. */
  #tendedAt = Number.NEGATIVE_INFINITY;
  /** When the loop last turned, on the monotonic clock. */
  #turnedAt: number;

  constructor(context: OwnershipContext) {
    this.#context = context;
    this.#pause = new Pause(context.clock);
    this.#watch = new RowWatch(context.takeoverAfterMs);
    this.#report = new OwnershipReport(context.log, context.slice);
    this.#confirmation = new Confirmation(context.clock, context.takeoverAfterMs);
    this.#turnedAt = context.clock.now();
  }

  /** The row was looked at once, by a member that could have acquired it. */
  get isSeen(): boolean {
    return this.#isSeen;
  }

  get refused(): ThroughlineError | undefined {
    return this.#report.refused;
  }

  /** Its loop does not turn any more. */
  get isStill(): boolean {
    return this.#context.clock.now() - this.#turnedAt > stillMs;
  }

  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  get claim(): Claim {
    return this.#claim;
  }

  get mayStart(): boolean {
    return this.#confirmation.mayStart;
  }

  /** Watches and owns until it is closed. */
  async run(): Promise<void> {
    const { store, slice, channels } = this.#context;
    while (!this.#isClosed) {
      this.#turnedAt = this.#context.clock.now();
      const session = store.open(slice, channels);
      this.#session = session;
      try {
        await this.#serve(session);
      } catch (error) {
        if (!this.#isClosed && this.#report.failed(error)) this.#context.looked?.();
      }
      session.close();
      if (!this.#isClosed) await this.#pause.for(reconnectMs);
    }
  }

  /** What this member could own at first, it has acquired by now. */
  #seen(): void {
    const { mayOwn, looked } = this.#context;
    if (this.#isSeen || !mayOwn()) return;
    this.#isSeen = true;
    looked?.();
  }

  /** Looks at once: who should own what may have changed. */
  nudge(): void {
    if (this.#tenure === undefined) this.#pause.wake();
  }

  /**
   * Hands over for good, and closes; starts nothing more from now on, and releases once `said` has resolved. Resolves with what was begun and
   * not settled after `graceMs`: others will take it for dead.
   */
  async leave(graceMs: number, said: Promise<void>): Promise<number> {
    const { clock } = this.#context;
    this.#isLeaving = true;
    const until = clock.now() + graceMs;
    let isReleased = this.#tenure === undefined;
    while (this.#tenure !== undefined && !isReleased && clock.now() < until) {
      const isQuiet = await this.#tenure.quiesce(until - clock.now());
      await said;
      if (isQuiet) isReleased = await this.#releaseSoon();
      if (isQuiet && !isReleased) await new Promise<void>((resolve) => void clock.after(reconnectMs, resolve));
    }
    const unfinished = this.#tenure?.unfinished ?? 0;
    this.close();
    return unfinished;
  }

  close(): void {
    this.#isClosed = true;
    this.#endTenure(new StoreError("the component was closed: what was not settled stays open"));
    this.#session?.close();
    this.#pause.wake();
  }

  confirmed(sent: Moment, wanted: string, remade: readonly string[]): void {
    this.#report.remade(remade);
    if (remade.length > 0) this.#tenure?.showAgain();
    this.#confirmation.add(sent);
    // Always: whether it may start turns with the clocks, too, and of that nobody is told.
    this.#tenure?.confirmed();
    if (wanted !== "" && wanted !== this.#context.member) this.#handOver();
  }

  lost(reason: string): void {
    this.#drop(reason);
    this.#pause.wake(); // the row may still name this member: then it takes over at once
  }

  outrun(epoch: number): void {
    this.#heardOf({ epoch });
    this.lost("another node knows a later owner");
  }

  broken(session: object): void {
    if (session !== this.#session) return;
    this.#session.close();
    this.#session = undefined;
    this.#pause.wake();
  }

  isInUse(session: object): boolean {
    return session === this.#session;
  }

  async retake(): Promise<boolean> {
    const tenure = this.#tenure;
    const session = this.#session;
    if (session === undefined || tenure === undefined) return false;
    this.#isRetaking = true;
    try {
      // What was sent before over a lost connection may be written after its refusal: then it would be settled twice.
      const seen = { ...this.#claim, seq: tenure.answered };
      const isTaken = await this.#acquire(session, seen, false, () => tenure, tenure);
      if (session !== this.#session) return false;
      if (isTaken) tenure.showAgain();
      else if (tenure === this.#tenure) this.lost("it could not be taken again as it was");
      return isTaken && tenure === this.#tenure;
    } catch {
      this.broken(session);
      return false;
    } finally {
      this.#isRetaking = false;
    }
  }

  async #serve(session: Session): Promise<void> {
    const tenure = this.#tenure;
    const looked = await this.#ask(session, tenure?.newest ?? []);
    if (tenure !== undefined && tenure === this.#tenure) this.#takeUp(session, tenure, looked);
    while (!this.#isClosed && session === this.#session) {
      this.#turnedAt = this.#context.clock.now();
      if (this.#tenure === undefined) await this.#look(session);
      else await this.#keep(session);
      this.#report.answered();
      this.#seen();
      if (!this.#isClosed && session === this.#session) await this.#pause.for(this.#context.beatMs);
    }
  }

  async #ask(session: Session, newest: readonly NewestRead[]): Promise<Look> {
    const looked = await session.look(newest);
    this.#heardOf(looked.row);
    return looked;
  }

  #heardOf(row: { readonly epoch: number } | undefined): void {
    if (row === undefined) return;
    this.#highestEpoch = Math.max(this.#highestEpoch, row.epoch);
    this.#isKnown = true;
  }

  /** After a look over a new session. What the server has forgotten cannot be built upon. */
  #takeUp(session: Session, tenure: Tenure, { row, isBehind }: Look): void {
    const isOurs = row !== undefined && row.epoch === this.#claim.epoch && row.owner === this.#claim.owner;
    const isBack = isOurs ? isBehind || row.seq < tenure.answered : row === undefined || row.epoch < this.#claim.epoch;
    const unsure = this.#isReleaseDoubtful ? "a release is under way" : "nothing has confirmed it for too long";
    // A release that was cut off on its way may still come: who goes on does so under another claim. Likewise after so long that somebody may
    // have taken the slice, and a failover may have taken that back: what is outside has seen a later fence.
    if (isOurs && !this.#isLeaving && (this.#isReleaseDoubtful || !this.mayStart))
      this.lost(isBack ? goneBack : unsure);
    else if (isBack) this.#drop(goneBack);
    else if (!isOurs) this.#drop("another member has taken the partition");
    else {
      tenure.resume(session);
      // Who leaves starts nothing more: its release may be under way.
      if (this.#isHandingOver && !this.#isLeaving) tenure.goOn();
      this.#isHandingOver = false;
    }
  }

  /** Renews unless a settlement did. */
  async #keep(session: Session): Promise<void> {
    const { beatMs } = this.#context;
    const [tenure, claim, sent] = [this.#tenure as Tenure, this.#claim, this.#confirmation.moment];
    const tends = sent.now - this.#tendedAt >= tendMs;
    if (!tends && sent.now - this.#confirmation.at < beatMs) return;
    if (tends) this.#tendedAt = sent.now;
    const renewed = await session.renew(claim, tends ? tenure.newest : undefined, tends ? tenure.late() : []);
    if (claim !== this.#claim || this.#isRetaking) return;
    if (renewed.outcome === "renewed") {
      this.#report.strangers(renewed.strangers ?? []);
      tenure.lost(renewed.losses ?? []);
      this.confirmed(sent, renewed.wanted, renewed.remade);
    } else this.lost(renewed.outcome === "fenced" ? "another member has taken the partition" : goneBack);
  }

  async #look(session: Session): Promise<void> {
    const { clock, member, mayOwn, shouldOwn, takeoverAfterMs } = this.#context;
    const sentAt = clock.now();
    const { row } = await this.#ask(session, []);
    this.#watch.saw(row, sentAt, clock.now());
    if (this.#isLeaving || this.#isClosed || !mayOwn()) return;
    const owner = memberOf(row);
    if (owner === member) await this.#take(session, row, false);
    else if (owner === "") {
      // Whoever should own it may be unable to: then anybody does.
      if (shouldOwn() || this.#watch.unchangedMs >= takeoverAfterMs) await this.#take(session, row, false);
    } else if (this.#watch.unchangedMs >= takeoverAfterMs) {
      if (shouldOwn(owner) || this.#watch.unchangedMs >= 1.5 * takeoverAfterMs) await this.#take(session, row, true);
    } else if (row !== undefined && row.wanted !== member && this.#watch.sameOwnerMs >= takeoverAfterMs && shouldOwn())
      await session.want(row, member);
  }

  async #take(session: Session, row: OwnerRow | undefined, isDeath: boolean): Promise<void> {
    const { open } = this.#context;
    const isForgotten = row === undefined && this.#isKnown;
    const isTaken = await this.#acquire(session, row, isDeath, (acquired) => {
      this.#report.began(acquired.starts, row !== undefined, isForgotten);
      return open(this, acquired, isDeath && row !== undefined ? deadOwnerOf(row) : undefined);
    });
    if (!isTaken) return;
    this.#report.taken(this.#claim, row?.owner ?? "", isDeath);
    if (isDeath) this.#context.tookOver?.();
    this.#isHandingOver = false;
    this.#watch.reset();
    if (this.#isLeaving || this.#isClosed) await this.#release();
    else this.#tenure?.resume(session);
  }

  async #acquire(
    session: Session,
    seen: OwnerRow | (Claim & { readonly seq: number }) | undefined,
    isDeath: boolean,
    tenureOf: (acquired: Acquired & { outcome: "acquired" }) => Tenure,
    retaken?: Tenure,
  ): Promise<boolean> {
    const { member, chance } = this.#context;
    const [token, sent] = [chance.token(), this.#confirmation.moment];
    const begin = this.#isKnown ? "0" : this.#context.begin;
    const highestEpoch = this.#highestEpoch;
    const acquired = await session.acquire({ member, token, seen, highestEpoch, isDeath, begin });
    this.#heardOf(acquired.outcome === "lost" ? acquired.row : acquired);
    // Of an answer that comes after its session was lost nobody knows how old it is: the row is looked at again.
    if (acquired.outcome === "lost" || session !== this.#session) return false;
    // A tenure that has ended meanwhile does not go on: the row names this member now, which takes the slice anew.
    if (retaken !== undefined && retaken !== this.#tenure) return false;
    this.#isReleaseDoubtful = false;
    this.#claim = { epoch: acquired.epoch, owner: `${member}/${token}` };
    this.#confirmation.begin(sent);
    this.#tenure = tenureOf(acquired);
    return true;
  }

  /** Somebody else should have the slice. */
  #handOver(): void {
    const { clock } = this.#context;
    const tenure = this.#tenure;
    if (this.#isHandingOver || this.#isLeaving || tenure === undefined || clock.now() < this.#handOverFrom) return;
    this.#isHandingOver = true;
    const handOver = async (): Promise<void> => {
      const isQuiet = await tenure.quiesce(handOverEveryMs);
      // A session that was lost meanwhile has let it go on.
      if (tenure !== this.#tenure || this.#isLeaving || !this.#isHandingOver) return;
      if (isQuiet) {
        await this.#release();
        return;
      }
      this.#handOverFrom = clock.now() + handOverEveryMs;
      this.#isHandingOver = false;
      tenure.goOn();
    };
    handOver().catch((error: unknown) => this.#report.handoverFailed(error));
  }

  /** A server that does not answer is not waited for: others take this member for dead. */
  async #releaseSoon(): Promise<boolean> {
    let isReleased = true;
    const releasing = this.#release().then((is) => {
      isReleased = is;
    });
    await atMost(this.#context.clock, releaseGraceMs, releasing);
    return isReleased;
  }

  /** Frees the slice; its tenure is quiet. False: nobody knows whether it is free. */
  async #release(): Promise<boolean> {
    const [session, tenure] = [this.#session, this.#tenure];
    if (session === undefined || tenure === undefined) return true;
    try {
      const isReleased = await session.release(this.#claim, tenure.answered);
      if (tenure !== this.#tenure) return true;
      this.#endTenure(new FencedError("the partition was handed over"));
      this.#report.handedOver(isReleased);
      return isReleased;
    } catch {
      this.#isReleaseDoubtful = true;
      this.broken(session);
      return false;
    }
  }

  #drop(reason: string): void {
    if (this.#tenure !== undefined) this.#report.lost(reason);
    this.#endTenure(new FencedError(reason));
  }

  #endTenure(reason: Error): void {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    this.#tenure = undefined;
    this.#claim = { epoch: 0, owner: "" };
    this.#isHandingOver = false;
    this.#watch.reset();
    tenure.end(reason);
  }
}

function memberOf(row: OwnerRow | undefined): string {
  return row?.owner.split("/", 1)[0] ?? "";
}
