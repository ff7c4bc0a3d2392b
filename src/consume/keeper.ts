/** A member's regular duties: it says that it lives, takes over from those who do not, and finds retries whose timer was lost. */

import type { Log } from "../ports/log.ts";
import type { ChannelLook, ClaimedEntry, DeliveryId, Membership, SilentMember, StreamStore } from "../ports/store.ts";
import { Pulse } from "./pulse.ts";
import { Rotation } from "./rotation.ts";

/** Ticks between looks for what is rarer than a silent member. */
const rareTicks = 8;
/** A parked delivery is overdue when it has been due for this long, ms: its timer was lost. */
const overdueMs = 2_000;
/** Longest time between two ticks, ms. A member is taken for dead up to one tick after it may be. */
const maxTickMs = 500;
/** Between the room that a takeover waited for and its going on, ms: so that it takes many at once. */
const roomDelayMs = 30;
/** A smaller step of the store's clock between two ticks is taken for a reply that was on its way for long, ms. */
const leastClockStepMs = 1_000;
/** Silent members that hold nothing are removed after this many times `claimAfterMs`. */
const removeAfterFactor = 4;

export interface KeeperContext {
  readonly store: StreamStore;
  readonly log: Log;
  readonly claimAfterMs: number;
  /** No retry is parked for longer, ms. */
  readonly longestDelayMs: number;
  readonly membership: () => Membership;
  /** What was handed back is left to the other members before this time, on the monotonic clock. */
  readonly asideUntil: () => number;
  /** How many more deliveries the member can take. */
  readonly room: () => number;
  /** Resolves when there is room, or when the signal aborts. */
  readonly whenRoom: (signal: AbortSignal) => Promise<void>;
  readonly accept: (entries: readonly ClaimedEntry[]) => void;
  readonly lost: (channel: string, count: number) => void;
  /** The channels on which it has done something since the last tick. */
  readonly busy: () => Iterable<string>;
  /** Of some channels of the membership. */
  readonly savePositions: (membership: Membership) => Promise<void>;
  /** A parked delivery is due. */
  readonly wake: (delivery: DeliveryId) => Promise<void>;
  /** This member was taken for dead and removed. */
  readonly removed: () => Promise<void>;
}

export class Keeper {
  readonly pulse: Pulse = new Pulse();
  readonly #context: KeeperContext;
  readonly #tickMs: number;
  /** Members seen silent, with the heartbeat they were last seen at and since when (our monotonic clock) it has not changed. */
  readonly #silent = new Map<string, { seenAt: string; since: number }>();
  #lastHeartbeat = 0;
  /** The store's clock minus our monotonic one, ms, at the last heartbeat. */
  #storeClockMs: number | undefined;
  /** No claims before this time: after an outage, or when the store's clock was set, everybody looks silent until he has spoken again. */
  #quietUntil = 0;
  #ticks = 0;
  readonly #rotation: Rotation;
  /** Channels that were busy since their positions were last saved. */
  readonly #unsaved = new Set<string>();
  /** Channels on which the last look has found deliveries that were handed back. */
  #released: readonly string[] = [];
  /** Channels on which somebody else was seen to hold deliveries, since the last look for strangers. */
  readonly #shared = new Set<string>();
  /** Members that live, without this one, at the last heartbeat. */
  #others = 0;
  /** Those from whom there was more to take than there was room for: a tick comes as soon as there is room again. */
  readonly #unfinished = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #claims = true;
  #stopped = false;

  constructor(context: KeeperContext) {
    this.#context = context;
    this.#rotation = new Rotation(context.membership().channels);
    this.#tickMs = Math.max(20, Math.min(maxTickMs, context.claimAfterMs / 4));
  }

  get hasCompany(): boolean {
    return this.#others > 0;
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
    const due = new AbortController();
    const run = (): void => {
      due.abort();
      this.#ticking = this.#tick().then(
        () => {
          this.pulse.answered();
          this.#schedule(this.#tickMs);
        },
        (error: unknown) => {
          if (this.#stopped) return;
          this.pulse.turned();
          const { component } = this.#context.membership();
          this.#context.log.warn(
            { component, reason: String(error) },
            "a member's regular duties failed; trying again",
          );
          this.#schedule(this.#tickMs);
        },
      );
    };
    this.#timer = setTimeout(run, delayMs);
    if (this.#claims && this.#unfinished.size > 0) void this.#hurry(run, due.signal);
  }

  /** Brings the tick forward to when there is room. `due` aborts when it has come by itself. */
  async #hurry(run: () => void, due: AbortSignal): Promise<void> {
    await this.#context.whenRoom(due);
    if (this.#stopped || due.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, roomDelayMs);
  }

  async #tick(): Promise<void> {
    const { store, claimAfterMs, removed } = this.#context;
    const membership = this.#context.membership();
    const { registered, members, silent, storeNow } = await store.heartbeat(membership, claimAfterMs);
    const now = performance.now();
    const isLate = now - this.#lastHeartbeat > claimAfterMs / 2;
    if (isLate || (registered && this.#wasClockSet(storeNow - now))) this.#quietUntil = now + claimAfterMs;
    this.#lastHeartbeat = now;
    if (!registered) {
      await removed();
      return;
    }
    this.#others = members - silent.length - 1; // it has just spoken itself
    for (const channel of this.#context.busy()) this.#unsaved.add(channel);
    const channels = this.#rotation.next([...this.#unsaved, ...this.#released]);
    await this.#context.savePositions({ ...membership, channels });
    this.#unsaved.clear();
    if (!this.#claims || this.#stopped) return;
    const looks = await this.#look(membership, channels);
    this.#released = channelsOf(looks, ({ hasReleased }) => hasReleased);
    await this.#claimAll({ ...membership, channels: this.#released }, "released", 0);
    if (now >= this.#quietUntil) await this.#takeOver(membership, silent);
    else this.#unfinished.clear();
    await this.#claimFromStrangers(membership, looks);
    await this.#wakeOverdue({ ...membership, channels: channelsOf(looks, ({ hasOverdue }) => hasOverdue) });
  }

  #look(membership: Membership, channels: readonly string[]): Promise<readonly ChannelLook[]> {
    const { store, longestDelayMs } = this.#context;
    return store.look({ ...membership, channels }, overdueMs, longestDelayMs);
  }

  async #claimFromStrangers(membership: Membership, looks: readonly ChannelLook[]): Promise<void> {
    const { store, claimAfterMs } = this.#context;
    for (const { channel, holders } of looks) {
      if (holders.some((holder) => holder !== membership.member)) this.#shared.add(channel);
    }
    if (this.#ticks++ % rareTicks > 0) return;
    const shared = { ...membership, channels: [...this.#shared] };
    this.#shared.clear();
    for (const stranger of await store.strangers(shared, claimAfterMs)) {
      await this.#claimAll(shared, stranger, claimAfterMs);
    }
  }

  async #wakeOverdue(membership: Membership): Promise<void> {
    const { store, longestDelayMs, room, wake } = this.#context;
    if (membership.channels.length === 0) return;
    const max = Math.max(0, Math.min(100, room()));
    for (const delivery of await store.overdue(membership, overdueMs, longestDelayMs, max)) await wake(delivery);
  }

  #wasClockSet(storeClockMs: number): boolean {
    const before = this.#storeClockMs ?? storeClockMs;
    this.#storeClockMs = storeClockMs;
    return Math.abs(storeClockMs - before) > Math.max(leastClockStepMs, this.#context.claimAfterMs / 2);
  }

  async #takeOver(membership: Membership, silent: readonly SilentMember[]): Promise<void> {
    const { store, log, claimAfterMs } = this.#context;
    const now = performance.now();
    const names = new Set(silent.map(({ member }) => member));
    for (const name of this.#silent.keys()) if (!names.has(name)) this.#silent.delete(name);
    for (const name of this.#unfinished) if (name !== "released" && !names.has(name)) this.#unfinished.delete(name);
    // All channels at once, however many: what a dead member held should not wait for its turn.
    const looks = silent.length === 0 ? [] : await this.#look(membership, membership.channels);
    for (const one of silent) {
      const channels = channelsOf(looks, ({ holders }) => holders.includes(one.member));
      const known = this.#silent.get(one.member);
      if (known?.seenAt !== one.seenAt) this.#silent.set(one.member, { seenAt: one.seenAt, since: now });
      const taken = await this.#claimAll({ ...membership, channels }, one, 0);
      if (taken > 0) {
        log.warn({ component: membership.component, silent: one.member, taken }, "took over from a silent member");
      } else if (known !== undefined && now - known.since > (removeAfterFactor - 1) * claimAfterMs) {
        if (await store.remove(membership, one)) this.#silent.delete(one.member);
      }
    }
  }

  async #claimAll(membership: Membership, from: SilentMember | "released", idleMs: number): Promise<number> {
    const { store, accept, lost, room } = this.#context;
    const name = from === "released" ? from : from.member;
    let taken = 0;
    for (const channel of membership.channels) {
      for (;;) {
        if (from === "released" && performance.now() < this.#context.asideUntil()) {
          this.#unfinished.delete(name);
          return taken;
        }
        const max = Math.min(100, room());
        if (max < 1 && taken > 0) this.#unfinished.add(name);
        if (max < 1 || !this.#claims || this.#stopped) return taken;
        const claim = await store.claim(membership, channel, from, idleMs, max);
        if (claim.lost > 0) lost(channel, claim.lost);
        accept(claim.entries);
        taken += claim.entries.length;
        if (claim.entries.length < max) break;
      }
    }
    this.#unfinished.delete(name);
    return taken;
  }
}

function channelsOf(looks: readonly ChannelLook[], has: (look: ChannelLook) => boolean): readonly string[] {
  return looks.filter(has).map(({ channel }) => channel);
}
