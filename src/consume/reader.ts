/** Reading what an owner has not finished: first what is open, then on from the cursor; and again what was let go. */

import type { Hold } from "../ownership/hold.ts";
import { Pause } from "../ownership/pause.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { Session } from "../ports/slice-store.ts";
import type { Delivery } from "./delivery.ts";
import type { InFlight } from "./in-flight.ts";

/** Most entries of one call. */
const maxEntries = 500;
/** A blocked read is not woken when its stream moves to another node. */
const blockMs = 1_000;
/** How often parked retries are looked for whose timer was lost, ms. */
const dueEveryMs = 1_000;
/** Most that are taken at once. */
const maxDue = 100;

export interface ReaderContext {
  readonly hold: Hold;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly log: Log;
  /** No retry is parked for longer, ms. */
  readonly longestDelayMs: number;
  /** Whether anything may be started now. */
  readonly isOpen: () => boolean;
  /** Takes an entry that is here, and waits for its turn. */
  readonly accept: (delivery: Delivery) => void;
}

export class Reader {
  readonly #context: ReaderContext;
  /** Between two looks for what is due. */
  #duePause: Pause | undefined;
  #session: Session | undefined;
  #isOver = false;

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  /** Reads over this session from now on. */
  resume(session: Session): void {
    this.#session = session;
    this.nudge();
    for (const loop of [this.#readOn(session), this.#fetchAway(session), this.#takeDue(session)]) {
      loop.catch((error: unknown) => {
        if (!this.#isInUse(session)) return;
        this.#context.log.warn({ reason: String(error) }, "reading failed");
        this.#context.hold.broken(session);
      });
    }
  }

  /** Looks again whether it may read. */
  nudge(): void {
    this.#context.inFlight.change.tell();
    this.#duePause?.wake();
  }

  /** A parked retry is due, as its timer says. `triedBy`: the traceparent of the attempt that failed. */
  async wake({ channel, entryId }: DeliveryId, triedBy: string): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#isOver) return;
    await this.#addDue(session, channel, (due) => (due.entryId === entryId ? triedBy : ""));
  }

  stop(): void {
    this.#isOver = true;
    this.nudge();
  }

  async #readOn(session: Session): Promise<void> {
    const { inFlight, isOpen, accept } = this.#context;
    while (await this.#until(session, () => inFlight.mayRead && isOpen())) {
      const cursors = inFlight.cursors;
      if (cursors.length === 0) return;
      const max = Math.max(1, Math.floor(Math.min(maxEntries, inFlight.room) / cursors.length));
      const entries = await session.read(cursors, max, blockMs);
      // What came in vain is read again from the cursor.
      if (!this.#isInUse(session) || !isOpen()) continue;
      for (const entry of entries) {
        const delivery = inFlight.take(entry);
        if (delivery.phase === "waiting") accept(delivery);
      }
    }
  }

  async #fetchAway(session: Session): Promise<void> {
    const { inFlight, isOpen, accept } = this.#context;
    while (await this.#until(session, () => isOpen() && inFlight.fetchable(1).length > 0)) {
      const deliveries = inFlight.fetchable(maxEntries);
      const entries = await session.fetch(deliveries);
      if (!this.#isInUse(session)) return;
      for (const [i, delivery] of deliveries.entries()) {
        const entry = entries[i];
        if (entry === undefined || !isOpen() || inFlight.isBlocked(delivery)) continue;
        inFlight.load(delivery, entry);
        if (delivery.phase === "waiting") accept(delivery);
      }
    }
  }

  async #takeDue(session: Session): Promise<void> {
    const { clock, isOpen } = this.#context;
    const pause = new Pause(clock);
    this.#duePause = pause;
    while (await this.#until(session, isOpen)) {
      await this.#addDue(session);
      await pause.for(dueEveryMs);
    }
  }

  async #addDue(session: Session, channel?: string, triedBy: (due: DeliveryId) => string = () => ""): Promise<void> {
    const { inFlight, longestDelayMs } = this.#context;
    if (inFlight.cursors.length === 0) return;
    const due = await session.due(longestDelayMs, maxDue, channel);
    if (!this.#isInUse(session)) return;
    for (const entry of due) inFlight.addDue(entry, triedBy(entry));
  }

  /** False: this session is not read from any more. */
  async #until(session: Session, may: () => boolean): Promise<boolean> {
    while (this.#isInUse(session)) {
      if (may()) return true;
      await this.#context.inFlight.change.next();
    }
    return false;
  }

  #isInUse(session: Session): boolean {
    return session === this.#session && !this.#isOver && this.#context.hold.isInUse(session);
  }
}
