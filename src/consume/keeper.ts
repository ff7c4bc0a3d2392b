/** A member's regular duties: it says that it lives, takes over from those who do not, and finds retries whose timer was lost. */

import type { ClaimedEntry, DeliveryId, Log, Membership, SilentMember, StreamStore } from "../ports.ts";

/** Ticks between looks for what is rarer than a silent member. */
const rareTicks = 8;
/** A parked delivery is overdue when it has been due for this long, ms: its timer was lost. */
const overdueMs = 2_000;
/** Silent members that hold nothing are removed after this many times `claimAfterMs`. */
const removeAfterFactor = 4;

export interface KeeperContext {
  readonly store: StreamStore;
  readonly log: Log;
  readonly claimAfterMs: number;
  readonly membership: () => Membership;
  /** How many more deliveries the member can take. */
  readonly room: () => number;
  readonly accept: (entries: readonly ClaimedEntry[]) => void;
  readonly lost: (channel: string, count: number) => void;
  readonly savePositions: (membership: Membership) => Promise<void>;
  /** A parked delivery is due. */
  readonly wake: (delivery: DeliveryId) => Promise<void>;
  /** This member was taken for dead and removed. */
  readonly removed: () => Promise<void>;
}

export class Keeper {
  readonly #context: KeeperContext;
  readonly #tickMs: number;
  /** Members seen silent, with the heartbeat they were last seen at and since when (our monotonic clock) it has not changed. */
  readonly #silent = new Map<string, { seenAt: string; since: number }>();
  #lastHeartbeat = 0;
  /** No claims before this time: after an outage everybody looks silent until everybody has spoken again. */
  #quietUntil = 0;
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #claims = true;
  #stopped = false;

  constructor(context: KeeperContext) {
    this.#context = context;
    this.#tickMs = Math.max(20, Math.min(1_000, context.claimAfterMs / 4));
  }

  /** The first tick comes at once: what a dead predecessor left should not wait. */
  start(): void {
    this.#lastHeartbeat = performance.now();
    this.#schedule(0);
  }

  /** From now on it only says that it lives: a draining member takes nothing new. Resolves when no claim is under way. */
  async stopClaims(): Promise<void> {
    this.#claims = false;
    await this.#ticking;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick().then(
        () => this.#schedule(this.#tickMs),
        (error: unknown) => {
          if (this.#stopped) return;
          const { component } = this.#context.membership();
          this.#context.log.warn(
            { component, reason: String(error) },
            "a member's regular duties failed; trying again",
          );
          this.#schedule(this.#tickMs);
        },
      );
    }, delayMs);
  }

  async #tick(): Promise<void> {
    const { store, claimAfterMs, removed } = this.#context;
    const membership = this.#context.membership();
    const { registered, silent } = await store.heartbeat(membership, claimAfterMs);
    const now = performance.now();
    if (now - this.#lastHeartbeat > claimAfterMs / 2) this.#quietUntil = now + claimAfterMs;
    this.#lastHeartbeat = now;
    if (!registered) {
      await removed();
      return;
    }
    await this.#context.savePositions(membership);
    if (!this.#claims || this.#stopped) return;
    await this.#takeReleased(membership);
    if (now >= this.#quietUntil) await this.#takeOver(membership, silent);
    if (this.#ticks++ % rareTicks === 0) {
      for (const stranger of await store.strangers(membership, claimAfterMs)) {
        await this.#claimAll(membership, stranger, claimAfterMs);
      }
    }
    for (const delivery of await store.overdue(
      membership,
      overdueMs,
      Math.max(0, Math.min(100, this.#context.room())),
    )) {
      await this.#context.wake(delivery);
    }
  }

  async #takeReleased(membership: Membership): Promise<void> {
    await this.#claimAll(membership, "released", 0);
  }

  async #takeOver(membership: Membership, silent: readonly SilentMember[]): Promise<void> {
    const { store, log, claimAfterMs } = this.#context;
    const now = performance.now();
    const names = new Set(silent.map(({ member }) => member));
    for (const name of this.#silent.keys()) if (!names.has(name)) this.#silent.delete(name);
    for (const one of silent) {
      if (one.member === membership.member) continue;
      const known = this.#silent.get(one.member);
      if (known?.seenAt !== one.seenAt) this.#silent.set(one.member, { seenAt: one.seenAt, since: now });
      const taken = await this.#claimAll(membership, one, 0);
      if (taken > 0) {
        log.warn({ component: membership.component, silent: one.member, taken }, "took over from a silent member");
      } else if (known !== undefined && now - known.since > (removeAfterFactor - 1) * claimAfterMs) {
        if (await store.remove(membership, one)) this.#silent.delete(one.member);
      }
    }
  }

  async #claimAll(membership: Membership, from: SilentMember | "released", idleMs: number): Promise<number> {
    const { store, accept, lost, room } = this.#context;
    let taken = 0;
    for (const channel of membership.channels) {
      for (;;) {
        const max = Math.min(100, room());
        if (max < 1 || !this.#claims || this.#stopped) return taken;
        const claim = await store.claim(membership, channel, from, idleMs, max);
        if (claim.lost > 0) lost(channel, claim.lost);
        accept(claim.entries);
        taken += claim.entries.length;
        if (claim.entries.length < max) break;
      }
    }
    return taken;
  }
}
