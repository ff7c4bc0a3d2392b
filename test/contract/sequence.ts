/** A random sequence of calls on two stores, from a seed: the replies, and what can be read after each call, are compared. */

import * as assert from "uvu/assert";
import type { NewEntry } from "../../src/ports/append.ts";
import type { Acquisition, Claim, OwnerRow, Renewed } from "../../src/ports/own.ts";
import type { Batch, Settlement, SettleReply } from "../../src/ports/settle.ts";
import { Random } from "../simulation/random.ts";
import type { Ending, Harness } from "./harness.ts";
import { Side, type Twin } from "./twins.ts";

const component = "ledger";
const slice = { component, partition: 0 };
const sources = ["payments", "other"];
const targets = ["out", "sound", "refunds"];
/** One rejects when it is full, one evicts. */
const caps: Readonly<Record<string, number>> = { sound: 6, refunds: -4 };
const stores = ["s1", "s2"];
const keys = ["k1", "k2"];
const hourMs = 3_600_000;

/** What is drawn of a batch; each store is given its own ids. */
interface DrawnBatch {
  readonly number: number;
  readonly settlements: readonly DrawnSettlement[];
  readonly positions: readonly {
    readonly channel: string;
    readonly at: Twin | undefined;
    readonly entriesRead: number | undefined;
    readonly open: readonly Twin[];
  }[];
}

interface DrawnSettlement {
  readonly locks: readonly string[];
  readonly entries: readonly { readonly twin: Twin; readonly isNoted: boolean }[];
  readonly kind: Settlement["kind"];
  readonly attempt: number;
  readonly delayMs: number;
  readonly isGone: boolean;
  readonly outputs: readonly { readonly channel: string; readonly cap: number; readonly eventId: string }[];
  readonly changes: readonly { readonly store: string; readonly key: string; readonly json: string | undefined }[];
}

/** The same for both stores. */
type PerSide<T> = readonly T[];

export class Sequence {
  readonly #random: Random;
  readonly #sides: readonly Side[];
  /** By channel, in the order in which they were appended. */
  readonly #twins = new Map<string, Twin[]>();
  /** All that was acquired, as each store told it; the last is the owner's. */
  readonly #claims: PerSide<Claim>[] = [];
  /** The rows that were looked at last. */
  #rows: PerSide<OwnerRow | undefined> = [];
  /** Number of the last batch of the last claim, and what was sent under its numbers. */
  #seq = 0;
  #sent = new Map<number, DrawnBatch>();
  /** Faults that last. */
  readonly #endings = new Map<string, PerSide<Ending>>();
  /** Channels of which entries were removed, or lost. */
  readonly #hasLost = new Set<string>();
  #events = 0;
  /** What was called, for whoever reads of a difference. */
  readonly calls: string[] = [];

  constructor(seed: number, harnesses: readonly Harness[]) {
    this.#random = new Random(seed, "sequence");
    this.#sides = harnesses.map((harness, place) => new Side(harness, harness.store.open(slice, sources), place));
    for (const channel of [...sources, ...targets]) this.#twins.set(channel, []);
  }

  async run(length: number): Promise<void> {
    await this.#append(sources[0] as string, 3);
    await this.#both(({ harness }) => harness.pass(2));
    await this.#acquire();
    for (let call = 0; call < length; call++) {
      await this.#one();
      // So that ids and due times are in one order in both.
      await this.#both(({ harness }) => harness.pass(2));
      await this.#compareAll();
    }
    for (const endings of this.#endings.values()) for (const end of endings) await end();
    await this.#compareAll();
    await this.#look();
    await this.#acquire();
    await this.#compareAll();
    for (const { session } of this.#sides) session.close();
  }

  get #isForbidden(): boolean {
    return sources.some((channel) => this.#endings.has(`forbid ${channel}`));
  }

  get #isHarmed(): boolean {
    return this.#isForbidden || sources.some((channel) => this.#endings.has(`spoil ${channel}`));
  }

  /** Whether a call is refused or the server has gone back may be found in another order. */
  #isRefused({ outcome }: SettleReply | Renewed): boolean {
    return outcome === "refused" || (outcome === "regressed" && this.#isHarmed);
  }

  /** One call, or one thing that happens to the server. */
  async #one(): Promise<void> {
    const roll = this.#random.next();
    if (roll < 0.14) return this.#append(this.#random.pick(sources), this.#random.between(1, 4));
    // A component may read what it may not write, where the store in memory knows only one right.
    if (roll < 0.5 || (roll < 0.85 && this.#isForbidden)) return this.#settle();
    if (roll < 0.58) return this.#renew();
    if (roll < 0.66) return this.#count();
    if (roll < 0.74) return this.#acquire();
    if (roll < 0.78) return this.#look();
    if (roll < 0.8) return this.#release();
    if (roll < 0.82) return this.#want();
    if (roll < 0.85) return this.#read();
    if (roll < 0.88) return this.#remove();
    if (roll < 0.89) return this.#harm("readAs", (harness, channel) => harness.readAs("person", channel, component));
    if (roll < 0.9) return this.#acknowledge();
    if (roll < 0.91) return this.#harm("destroyGroup", (harness, channel) => harness.destroyGroup(channel, component));
    if (roll < 0.92) return this.#harm("deleteChannel", (harness, channel) => harness.deleteChannel(channel));
    return this.#toggle();
  }

  async #append(channel: string, count: number): Promise<void> {
    if (this.#endings.has("fill") || this.#endings.has(`spoil ${channel}`)) return;
    this.#say("append", channel, count);
    const eventIds = Array.from({ length: count }, () => `e${++this.#events}`);
    const ids = await this.#both(({ harness }) => harness.append(channel, ...eventIds));
    for (const [i, eventId] of eventIds.entries())
      this.#learn({ channel, eventId, ids: ids.map((of) => of[i] as string) });
  }

  async #look(): Promise<void> {
    const newest = sources.flatMap((channel) => {
      const twin = this.#random.isLucky(0.7) ? this.#anyOf(channel) : undefined;
      return twin === undefined ? [] : [{ twin, eventId: this.#random.isLucky(0.9) ? twin.eventId : "another" }];
    });
    this.#say("look", newest);
    await this.#compare(
      (side) =>
        side.session.look(
          newest.map(({ twin, eventId }) => ({ channel: twin.channel, entryId: side.idOf(twin), eventId })),
        ),
      (side, look) => side.look(look),
    );
  }

  async #acquire(): Promise<void> {
    const [member, token] = [this.#random.pick(["m1", "m2", "m3"]), `t${this.#claims.length}`];
    const isStale = this.#random.isLucky(0.15);
    const withBeat = this.#random.isLucky(0.5);
    const isDeath = this.#random.isLucky(0.3);
    const begin = this.#random.pick(["0", "$"] as const);
    if (!isStale) this.#rows = await this.#both(async ({ session }) => (await session.look([])).row);
    const epochs = this.#claims.length;
    this.#say("acquire", { member, token, isStale, withBeat, isDeath, begin });
    const acquired = await this.#compare(
      (side) => {
        const row = this.#rows[side.place];
        const seen = row === undefined || withBeat ? row : { epoch: row.epoch, owner: row.owner };
        const acquisition: Acquisition = { member, token, seen, highestEpoch: 0, isDeath, begin };
        return side.session.acquire(acquisition);
      },
      (side, reply) => {
        if (reply.outcome === "acquired") side.learnEpoch(reply.epoch, `epoch ${epochs}`);
        return side.acquired(reply, (channel) => !this.#hasLost.has(channel));
      },
    );
    if (acquired === undefined || acquired.some(({ outcome }) => outcome !== "acquired")) return;
    this.#claims.push(
      acquired.map((one) => ({ epoch: one.outcome === "acquired" ? one.epoch : 0, owner: `${member}/${token}` })),
    );
    this.#seq = 0;
    this.#sent = new Map();
  }

  async #renew(): Promise<void> {
    const claim = this.#anyClaim();
    const newest = sources.flatMap((channel) => (this.#random.isLucky(0.5) ? (this.#anyOf(channel) ?? []) : []));
    const late = sources.flatMap((channel) => (this.#random.isLucky(0.4) ? (this.#anyOf(channel) ?? []) : []));
    this.#say("renew", { newest, late });
    await this.#compare(
      (side) =>
        side.session.renew(
          claim[side.place] as Claim,
          newest.map((twin) => ({ channel: twin.channel, entryId: side.idOf(twin), eventId: twin.eventId })),
          late.map((twin) => ({ channel: twin.channel, entryId: side.idOf(twin) })),
        ),
      (side, reply) => (this.#isRefused(reply) ? refused : side.renewed(reply)),
    );
  }

  async #want(): Promise<void> {
    const [claim, member] = [this.#anyClaim(), this.#random.pick(["m1", "m2"])];
    this.#say("want", member);
    await this.#compare(
      (side) => side.session.want(claim[side.place] as Claim, member),
      () => undefined,
    );
  }

  async #release(): Promise<void> {
    const [claim, seq] = [this.#anyClaim(), this.#random.isLucky(0.7) ? this.#seq : 99];
    this.#say("release", seq);
    await this.#compare(
      (side) => side.session.release(claim[side.place] as Claim, seq),
      (_, reply) => reply,
    );
  }

  async #count(): Promise<void> {
    const twin = this.#anyOf(this.#random.pick(sources));
    if (twin === undefined) return;
    const [claim, attempt] = [this.#anyClaim(), this.#random.between(1, 3)];
    this.#say("count", twin, attempt);
    await this.#compare(
      (side) =>
        side.session.count(claim[side.place] as Claim, { channel: twin.channel, entryId: side.idOf(twin) }, attempt),
      (_, reply) => (reply === undefined ? undefined : { ...reply, dueInMs: reply.dueInMs > 0 }),
    );
  }

  async #read(): Promise<void> {
    const cursors = sources.map((channel) => ({ channel, after: this.#anyOf(channel) }));
    const max = this.#random.between(1, 10);
    const fetched = sources.flatMap((channel) => [this.#anyOf(channel) ?? [], this.#anyOf(channel) ?? []].flat());
    this.#say("read and fetch", cursors, max, fetched);
    await this.#compare(
      (side) =>
        side.session.read(
          cursors.map(({ channel, after }) => ({ channel, after: side.idOf(after) })),
          max,
          0,
        ),
      (side, reply) => side.entries(reply),
    );
    await this.#compare(
      (side) => side.session.fetch(fetched.map((twin) => ({ channel: twin.channel, entryId: side.idOf(twin) }))),
      (side, reply) => side.entries(reply),
    );
  }

  async #remove(): Promise<void> {
    const channel = this.#random.pick(sources);
    const twin = this.#anyOf(channel);
    if (twin === undefined || this.#endings.has(`spoil ${channel}`)) return;
    this.#say("remove", twin);
    this.#hasLost.add(channel);
    await this.#both((side) => side.harness.remove(channel, side.idOf(twin)));
  }

  async #acknowledge(): Promise<void> {
    const channel = this.#random.pick(sources);
    const twin = this.#anyOf(channel);
    if (twin === undefined || this.#endings.has(`spoil ${channel}`)) return;
    this.#say("acknowledge", twin);
    await this.#both((side) => side.harness.acknowledge(channel, component, side.idOf(twin)));
  }

  async #harm(name: string, harm: (harness: Harness, channel: string) => Promise<void>): Promise<void> {
    const channel = this.#random.pick(sources);
    if (this.#endings.has(`spoil ${channel}`) || this.#endings.has("fill")) return;
    this.#say(name, channel);
    if (name === "deleteChannel") this.#hasLost.add(channel);
    await this.#both(({ harness }) => harm(harness, channel));
  }

  /** Begins a fault, or ends it. */
  async #toggle(): Promise<void> {
    const channel = this.#random.pick([...sources, ...targets]);
    const name = this.#random.pick(["fill", `spoil ${channel}`, `forbid ${channel}`, "failover"]);
    const endings = this.#endings.get(name);
    this.#say(endings === undefined ? "begin" : "end", name);
    if (endings !== undefined) {
      this.#endings.delete(name);
      if (name === "failover") for (const source of sources) this.#hasLost.add(source);
      for (const end of endings) await end();
      return;
    }
    if (name.startsWith("spoil") && this.#endings.has("fill")) return;
    // What a failover brings back is not what was there when another fault began.
    if (this.#endings.has("failover") || (name === "failover" && this.#endings.size > 0)) return;
    const begin = (harness: Harness): Promise<Ending> => {
      if (name === "fill") return harness.fill();
      if (name === "failover") return harness.loseFromNow();
      return name.startsWith("spoil") ? harness.spoil(channel) : harness.forbid(channel);
    };
    this.#endings.set(name, await this.#both(({ harness }) => begin(harness)));
  }

  async #settle(): Promise<void> {
    const roll = this.#random.next();
    const isCurrent = this.#random.isLucky(0.9);
    const claim = isCurrent ? (this.#claims.at(-1) as PerSide<Claim>) : this.#anyClaim();
    let batch = this.#drawBatch();
    if (roll < 0.12) batch = this.#sent.get(Math.max(1, this.#seq - this.#random.between(0, 4))) ?? batch;
    else if (roll < 0.17) batch = { ...batch, number: batch.number + this.#random.between(1, 3) };
    this.#say("settle", batch);
    const replies = await this.#compare(
      (side) => side.session.settle(claim[side.place] as Claim, batchOf(side, batch)),
      (side, reply) => (this.#isRefused(reply) ? refused : side.settled(reply)),
    );
    if (replies === undefined || replies.some(({ outcome }) => outcome !== "settled")) return;
    this.#learnOutputs(batch, replies);
    if (claim !== this.#claims.at(-1) || batch.number !== this.#seq + 1) return;
    this.#seq = batch.number;
    this.#sent.set(batch.number, batch);
  }

  #drawBatch(): DrawnBatch {
    const channels = sources.filter((channel) => this.#all(channel).length > 0 && this.#random.isLucky(0.7));
    const taken = new Set<Twin>(); // an entry is settled once in a batch
    const settlements = Array.from({ length: this.#random.between(0, 4) }, () => this.#drawSettlement(channels, taken));
    const positions = channels.map((channel) => {
      const twins = this.#all(channel);
      const place = this.#random.between(Math.max(0, twins.length - 5), twins.length - 1);
      const open = twins.slice(Math.max(0, place - 4), place + 1).filter(() => this.#random.isLucky(0.3));
      const entriesRead = this.#random.isLucky(0.8) ? place + 1 : undefined;
      return { channel, at: twins[place], entriesRead, open };
    });
    return { number: this.#seq + 1, settlements: settlements.flatMap((one) => one ?? []), positions };
  }

  #drawSettlement(channels: readonly string[], taken: Set<Twin>): DrawnSettlement | undefined {
    const random = this.#random;
    const kind = random.pick(["acked", "acked", "acked", "parked", "blocked", "buried"] as const);
    const most = kind === "acked" ? 3 : 1;
    const channel = random.pick([...channels, ""]);
    const twins = channel === "" ? [] : this.#all(channel).slice(-6);
    const chosen = twins.filter((twin) => random.isLucky(0.4) && !taken.has(twin)).slice(0, random.between(1, most));
    // A source's appends settle no entry.
    if (chosen.length === 0 && !(kind === "acked" && random.isLucky(0.3))) return undefined;
    for (const twin of chosen) taken.add(twin);
    const isPlain = random.isLucky(0.4);
    const outputs = Array.from({ length: isPlain ? 0 : random.between(0, 3) }, () => {
      const to = random.pick(targets);
      return { channel: to, cap: caps[to] ?? 0, eventId: `o${++this.#events}` };
    });
    const changes = Array.from({ length: isPlain ? 0 : random.between(0, 2) }, () => ({
      store: random.pick(stores),
      key: random.pick(keys),
      json: random.isLucky(0.8) ? String(this.#events) : undefined,
    }));
    return {
      kind,
      locks: ["a", "b", "c"].filter(() => random.isLucky(0.3)),
      entries: chosen.map((twin) => ({ twin, isNoted: random.isLucky(0.6) })),
      attempt: random.between(1, 4),
      delayMs: random.pick([0, hourMs]),
      isGone: random.isLucky(0.2),
      outputs,
      changes,
    };
  }

  #learnOutputs({ settlements }: DrawnBatch, replies: readonly SettleReply[]): void {
    for (const [i, { kind, outputs }] of settlements.entries()) {
      if (kind !== "acked") continue;
      const ids = replies.map((reply) => {
        const result = reply.outcome === "settled" ? reply.results[i] : undefined;
        return result?.outcome === "settled" ? result.ids : [];
      });
      for (const [o, { channel, eventId }] of outputs.entries())
        if (ids.every((of) => of[o] !== undefined))
          this.#learn({ channel, eventId, ids: ids.map((of) => of[o] ?? "") });
    }
  }

  #learn(twin: Twin): void {
    const twins = this.#all(twin.channel);
    if (twins.some(({ eventId }) => eventId === twin.eventId)) return;
    for (const side of this.#sides) side.learn(twin, twins.length);
    twins.push(twin);
  }

  #all(channel: string): Twin[] {
    return this.#twins.get(channel) as Twin[];
  }

  #anyOf(channel: string): Twin | undefined {
    const twins = this.#all(channel);
    return twins.length === 0 ? undefined : this.#random.pick(twins.slice(-6));
  }

  /** Mostly the owner's. */
  #anyClaim(): PerSide<Claim> {
    return this.#random.isLucky(0.8) ? (this.#claims.at(-1) as PerSide<Claim>) : this.#random.pick(this.#claims);
  }

  #say(...call: readonly unknown[]): void {
    this.calls.push(call.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" "));
  }

  #both<T>(ask: (side: Side) => Promise<T>): Promise<PerSide<T>> {
    return Promise.all(this.#sides.map(ask));
  }

  /** Asks both, and compares what they say. Undefined: both refuse. */
  async #compare<T>(
    ask: (side: Side) => Promise<T>,
    shown: (side: Side, reply: T) => unknown,
  ): Promise<PerSide<T> | undefined> {
    const replies = await this.#both((side) =>
      ask(side).then(
        (reply) => ({ reply }),
        (error: unknown) => ({ error: String(error) }),
      ),
    );
    const [one, other] = replies.map((reply, place) =>
      "error" in reply ? refused : shown(this.#sides[place] as Side, reply.reply),
    );
    assert.equal(other, one, replies.map((reply) => JSON.stringify(reply)).join("\n"));
    return replies.every((reply) => "reply" in reply)
      ? replies.map((reply) => (reply as { reply: T }).reply)
      : undefined;
  }

  /** All that can be read. */
  async #compareAll(): Promise<void> {
    const rows = await this.#compare(
      ({ session }) => session.look([]),
      (side, look) => side.look(look),
    );
    if (rows !== undefined) this.#rows = rows.map(({ row }) => row);
    if (!this.#isForbidden)
      await this.#compare(
        ({ session }) => session.due(2 * hourMs, 50),
        (side, due) => side.due(due),
      );
    await this.#compare(
      ({ session }) => session.readState(stores.flatMap((store) => keys.map((key) => ({ store, key })))),
      (_, values) => values,
    );
    for (const channel of sources) {
      if (this.#endings.has(`spoil ${channel}`)) continue;
      await this.#compare(
        ({ harness }) => harness.group(channel, component),
        (side, group) => side.group(channel, group),
      );
      await this.#compare(
        ({ harness }) => harness.letters(channel, component),
        (side, letters) => side.letters(channel, letters),
      );
    }
    for (const channel of targets) {
      if (this.#endings.has(`spoil ${channel}`)) continue;
      await this.#compare(
        ({ harness }) => harness.entries(channel),
        (_, entries) => entries.map(({ id }) => id),
      );
    }
  }
}

/** As what was refused is compared, whatever the server's words. */
const refused = "refused";

function batchOf(side: Side, { number, settlements, positions }: DrawnBatch): Batch {
  return {
    number,
    settlements: settlements.map((drawn) => settlementOf(side, drawn)),
    positions: positions.map(({ channel, at, entriesRead, open }) => ({
      channel,
      at: side.idOf(at),
      entriesRead,
      open: open.map((twin) => side.idOf(twin)),
    })),
  };
}

function settlementOf(side: Side, drawn: DrawnSettlement): Settlement {
  const { kind, locks, attempt, delayMs, isGone, outputs, changes } = drawn;
  const entries = drawn.entries.map(({ twin, isNoted }) => ({
    channel: twin.channel,
    entryId: side.idOf(twin),
    isNoted,
  }));
  if (kind === "buried") {
    const obituary = { errorCode: "EX", error: "Error: no", attempts: attempt, traceparent: "" };
    return { kind, locks, entries, obituary, isGone };
  }
  if (kind !== "acked") return { kind, locks, entries, attempt, delayMs };
  return {
    kind,
    locks,
    entries,
    changes,
    outputs: outputs.map(({ channel, cap, eventId }) => {
      const entry: NewEntry = {
        channel: { name: channel, dedupeWindowMs: 0, cap },
        values: [eventId, "1", "", "{}", "", "", "", ""],
      };
      return { partition: 0, entry };
    }),
  };
}
