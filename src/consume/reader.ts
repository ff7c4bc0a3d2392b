/** A member's read loop on one partition: its own pending entries after every loss of connection, then new ones, within the room there is. */

import { setTimeout as delay } from "node:timers/promises";
import { compareIds } from "../model/entry-ids.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { Log } from "../ports/log.ts";
import type { AttemptRecord, EntryReader, Membership, StreamStore } from "../ports/store.ts";
import type { Hand } from "./hand.ts";
import { Pulse } from "./pulse.ts";

/** How long a read waits for new entries, ms. */
const blockMs = 2_000;
/** Most entries of a channel in one read: larger replies hold the server up. */
const maxPerRead = 500;
const ownPendingPage = 100;
/** How long a member that stands aside goes without asking whether it has to look at its own pending entries, ms. */
const asidePieceMs = 100;
/** After this time no read that was lost with its connection can still be waiting at the server, ms. */
const lostReadMs: number = blockMs + 500;

export interface ReaderContext {
  readonly store: StreamStore;
  readonly hand: Hand;
  readonly log: Log;
  readonly membership: Membership;
  /** New entries are left to the other members before this time, on the monotonic clock. */
  readonly asideUntil: () => number;
  /** Takes entries in hand. The returned function has them handled. */
  readonly accept: (entries: readonly StoredEntry[], records: readonly (AttemptRecord | undefined)[]) => () => void;
  /**
   * A group is gone (FLUSHALL, DEL, XGROUP DESTROY, a failover): makes it again, given the last id read of each channel. False: this
   * reader must end, as its member goes on under another name.
   */
  readonly rejoin: (lastRead: ReadonlyMap<string, string>) => Promise<boolean>;
}

export class Reader {
  readonly #context: ReaderContext;
  readonly #stop = new AbortController();
  readonly pulse: Pulse = new Pulse();
  /** The last entry of each channel that was read. */
  readonly #lastRead = new Map<string, string>();
  #isAsking = false;
  #reader: EntryReader | undefined;
  #loop: Promise<void> = Promise.resolve();
  /** When own pending entries are paged through once more, on the monotonic clock. */
  #lookAgainAt = Number.POSITIVE_INFINITY;
  /** Losses of connections up to the last look; differs from every count at first, so that the loop begins with its own pending. */
  #seenLosses = -1;

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  /**
   * The last entry of each channel that was read. Empty while there may be earlier ones that Redis has delivered and that never arrived:
   * then nobody can say what this member has been given.
   */
  get lastRead(): ReadonlyMap<string, string> {
    return this.#mayHaveMissed ? new Map() : this.#lastRead;
  }

  get #mayHaveMissed(): boolean {
    return this.#losses !== this.#seenLosses || this.#lookAgainAt !== Number.POSITIVE_INFINITY;
  }

  get #isLookDue(): boolean {
    return this.#losses !== this.#seenLosses || performance.now() >= this.#lookAgainAt;
  }

  get #losses(): number {
    return (this.#reader?.losses ?? 0) + this.#context.store.losses;
  }

  async start(): Promise<void> {
    this.#reader = await this.#context.store.openReader(this.#context.membership);
    this.#loop = this.#read(this.#reader);
  }

  /** Stops at once. What Redis delivered to the read that is cut off stays pending under this member. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#reader?.close();
    await this.#loop;
  }

  /** Whether the server may have delivered more than `lastRead` tells: a read is under way. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** Something may be pending under this member that it does not have in hand. */
  lookAgain(): void {
    this.#lookAgainAt = 0;
  }

  async #read(reader: EntryReader): Promise<void> {
    const { hand, log, membership, asideUntil } = this.#context;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const losses = this.#losses;
        if (this.#isLookDue) {
          // A server that has not noticed the end of the old connection still delivers to the read that waited on it, perhaps after
          // this look. So one more is due when that read must have ended.
          const isSecondLook = losses === this.#seenLosses || this.#seenLosses === -1;
          const dueAt = this.#lookAgainAt;
          if (losses !== this.#seenLosses) await this.#lookForLoss();
          await this.#readOwnPending(reader);
          this.#seenLosses = losses;
          // One that has been asked for meanwhile is still due.
          if (this.#lookAgainAt === dueAt)
            this.#lookAgainAt = isSecondLook ? Number.POSITIVE_INFINITY : performance.now() + lostReadMs;
        }
        const asideMs = asideUntil() - performance.now();
        if (asideMs > 0) {
          await this.pulse.rest(delay(Math.min(asideMs, asidePieceMs), undefined, { signal }));
          continue;
        }
        await this.pulse.rest(hand.whenRoom(signal));
        if (signal.aborted) return;
        let entries = await this.#readNew(reader);
        for (;;) {
          for (const { channel, entryId } of entries) this.#lastRead.set(channel, entryId);
          const handle = this.#context.accept(entries, []);
          const isAside = performance.now() < asideUntil();
          const readsOn = entries.length > 0 && hand.room > 0 && !this.#isLookDue && !isAside && !signal.aborted;
          // The next read travels while these are handled: handlers may keep the process busy until they are through.
          const next = readsOn ? this.#readNew(reader) : undefined;
          handle();
          if (next === undefined) break;
          entries = await next;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.pulse.turned();
        const reason = error instanceof Error ? error.message : String(error);
        const isGroupGone = /^NOGROUP|-NOGROUP|no longer exists/.test(reason);
        log.error(
          { component: membership.component, reason },
          isGroupGone ? "the group is gone: making it again" : "a read failed",
        );
        if (isGroupGone && !(await this.#context.rejoin(this.lastRead))) return;
        await delay(isGroupGone ? 50 : 500, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #readNew(reader: EntryReader): Promise<readonly StoredEntry[]> {
    const { hand, membership } = this.#context;
    const perChannel = Math.ceil(hand.room / membership.channels.length);
    const { losses } = reader;
    let entries: readonly StoredEntry[];
    this.#isAsking = true;
    try {
      entries = await reader.readNew(Math.max(1, Math.min(maxPerRead, perChannel)), blockMs);
    } finally {
      this.#isAsking = false;
    }
    // A read that was lost with its connection counts as empty.
    if (reader.losses === losses) this.pulse.answered();
    else this.pulse.turned();
    return entries;
  }

  /** The server that answers again may be another one, which had not received the last writes of the first. */
  async #lookForLoss(): Promise<void> {
    const { store, log, membership } = this.#context;
    for (const channel of await store.vanished(membership, this.#lastRead)) {
      log.error(
        { component: membership.component, channel, entryId: this.#lastRead.get(channel) },
        "Redis has gone back, as after a failover: an entry that was read is not there any more, and what was written last is lost",
      );
      this.#lastRead.delete(channel);
    }
  }

  /** The channels of which something is pending under this member, and those whose group is gone: reading of these tells it. */
  async #holding(): Promise<readonly string[]> {
    const { store, membership } = this.#context;
    const looks = await store.look(membership, 0, 0);
    this.pulse.turned();
    return looks.flatMap(({ channel, isGone, holders }) =>
      isGone || holders.includes(membership.member) ? [channel] : [],
    );
  }

  async #readOwnPending(reader: EntryReader): Promise<void> {
    const { store, hand, membership } = this.#context;
    hand.beginPaging();
    this.#isAsking = true;
    try {
      for (const channel of await this.#holding()) {
        for (let after = "0"; ; ) {
          const page = await reader.readOwnPending(channel, after, ownPendingPage);
          this.pulse.turned();
          const unknown = page.filter((entry) => !hand.knows(entry));
          if (unknown.length > 0) {
            const ids = unknown.map(({ entryId }) => entryId);
            const records = await store.attemptRecords(membership, channel, ids);
            // Looked at again: the look-up took its time, too.
            const kept = unknown
              .map((entry, i) => ({ entry, record: records[i] }))
              .filter(({ entry }) => !hand.knows(entry));
            const handle = this.#context.accept(
              kept.map(({ entry }) => entry),
              kept.map(({ record }) => record),
            );
            handle();
          }
          const last = page.at(-1);
          if (last === undefined) break;
          after = last.entryId;
          // A read whose reply was lost may have got further than any that arrived.
          if (compareIds(after, this.#lastRead.get(channel) ?? "0-0") > 0) this.#lastRead.set(channel, after);
        }
      }
    } finally {
      hand.endPaging();
      this.#isAsking = false;
    }
  }
}
