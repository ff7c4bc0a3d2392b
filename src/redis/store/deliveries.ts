/** What becomes of a delivery that is not simply settled: counted again, parked, buried, handed back, taken over. */

import type {
  AttemptRecord,
  ChannelLook,
  ClaimedEntry,
  DeliveryId,
  Membership,
  Obituary,
  SilentMember,
} from "../../ports/store.ts";
import { parkedConsumer, releasedConsumer } from "../keys.ts";
import { scripts } from "./scripts.ts";
import { chunked, confirmed, parseRecord, toRecord, type Verbs } from "./verbs.ts";

/** How much earlier than the server's clock a retry timer may fire, ms. */
const timerToleranceMs = 50;

/** How long the answer of a burial is kept for one that is sent again, ms. */
const answerTtlMs = 600_000;

type LookReply = readonly [place: number, gone: string, overdue: string, ...holders: string[]][];

type ClaimReply = [lost: number, ...rows: [id: string, fields: string[], record: string][]];

export class Deliveries {
  readonly #verbs: Verbs;
  readonly #keepsLog: boolean;

  constructor(verbs: Verbs, keepsLog: boolean) {
    this.#verbs = verbs;
    this.#keepsLog = keepsLog;
  }

  async begin(
    membership: Membership,
    delivery: DeliveryId,
    attemptsBefore: number,
    isContinued: boolean,
  ): Promise<AttemptRecord | undefined> {
    const { component, member } = membership;
    const keys = this.#verbs.deliveryKeys(membership, delivery.channel);
    const args = [component, member, delivery.entryId, attemptsBefore, isContinued ? "1" : "0"];
    const reply = await this.#verbs.send("begin", "an attempt cannot be counted", scripts.begin, keys, args);
    return reply === null ? undefined : parseRecord(String(reply));
  }

  async attemptRecords(
    { partition, component }: Membership,
    channel: string,
    entryIds: readonly string[],
  ): Promise<readonly (AttemptRecord | undefined)[]> {
    if (entryIds.length === 0) return [];
    const hash = this.#verbs.keys.attempts(partition, channel, component);
    const records = await this.#verbs.read("attempt records cannot be read", () =>
      this.#verbs.client.hmget(hash, ...entryIds),
    );
    return records.map((record) => (record === null ? undefined : parseRecord(record)));
  }

  async park(membership: Membership, delivery: DeliveryId, attempt: number, delayMs: number): Promise<boolean> {
    const { partition, component, member } = membership;
    const keys = [
      ...this.#verbs.deliveryKeys(membership, delivery.channel),
      this.#verbs.keys.parked(partition, delivery.channel, component),
    ];
    const args = [component, member, delivery.entryId, attempt, Math.round(delayMs)];
    return (await this.#verbs.send("park", "a retry cannot be parked", scripts.park, keys, args)) === 1;
  }

  async unpark(
    membership: Membership,
    delivery: DeliveryId,
    longestDelayMs: number,
  ): Promise<ClaimedEntry | "lost" | undefined> {
    const { partition, component, member } = membership;
    const { channel, entryId } = delivery;
    const keys = [
      ...this.#verbs.deliveryKeys(membership, channel),
      this.#verbs.keys.parked(partition, channel, component),
      this.#verbs.keys.robbed(partition, component, member),
      this.#verbs.keys.members(partition, component),
    ];
    const args = [component, member, entryId, timerToleranceMs, longestDelayMs];
    const reply = (await this.#verbs.send("unpark", "a parked delivery cannot be taken", scripts.unpark, keys, args)) as
      | []
      | [id: string]
      | [id: string, fields: string[], record: string];
    if (reply.length === 0) return undefined;
    if (reply.length === 1) return "lost";
    const [id, fields, record] = reply;
    return { channel, entryId: id, fields, record: parseRecord(record) };
  }

  async look(membership: Membership, overdueMs: number, longestDelayMs: number): Promise<readonly ChannelLook[]> {
    const { partition, component } = membership;
    const looks: ChannelLook[] = [];
    for (const channels of chunked(membership.channels)) {
      const keys = channels.flatMap((channel) => [
        this.#verbs.keys.stream(partition, channel),
        this.#verbs.keys.parked(partition, channel, component),
      ]);
      const args = [component, overdueMs, longestDelayMs];
      const reply = await this.#verbs.send("look", "deliveries cannot be looked at", scripts.look, keys, args);
      for (const [place, gone, overdue, ...consumers] of reply as LookReply) {
        looks.push({
          channel: channels[place - 1] as string,
          isGone: gone === "1",
          hasOverdue: overdue === "1",
          hasReleased: consumers.includes(releasedConsumer),
          holders: consumers.filter((consumer) => consumer !== releasedConsumer && consumer !== parkedConsumer),
        });
      }
    }
    return looks;
  }

  async overdue(
    { partition, component, channels }: Membership,
    overdueMs: number,
    longestDelayMs: number,
    max: number,
  ): Promise<readonly DeliveryId[]> {
    const { client } = this.#verbs;
    const found: DeliveryId[] = [];
    const [seconds] = await this.#verbs.read("the server's clock cannot be read", () => client.time());
    const now = Number(seconds) * 1_000;
    // What is due later than anything is ever parked for was parked before this server's clock was set back.
    const ranges = [
      ["-inf", now - overdueMs],
      [now + longestDelayMs + overdueMs, "+inf"],
    ] as const;
    for (const channel of channels) {
      const parked = this.#verbs.keys.parked(partition, channel, component);
      for (const [from, to] of ranges) {
        const ids = await this.#verbs.read("parked deliveries cannot be read", () =>
          client.zrangebyscore(parked, from, to, "LIMIT", 0, max),
        );
        for (const entryId of ids) found.push({ channel, entryId });
      }
    }
    return found;
  }

  async bury(membership: Membership, delivery: DeliveryId, obituary: Obituary): Promise<string | undefined> {
    const { partition, component, member } = membership;
    const { channel, entryId } = delivery;
    const keys = [
      ...this.#verbs.deliveryKeys(membership, channel),
      this.#verbs.keys.dead(partition, channel, component),
      this.#verbs.keys.settled(partition, component),
      this.#verbs.keys.buried(partition, member, channel, entryId),
    ];
    const { errorCode, error, attempts, traceparent } = obituary;
    const args: (string | number)[] = [component, member, channel, entryId, errorCode, error, attempts, traceparent];
    args.push(this.#keepsLog ? 1 : 0, answerTtlMs);
    const reply = await this.#verbs.send(
      "bury",
      "a dead letter cannot be written",
      scripts.bury,
      keys,
      args,
      confirmed,
    );
    return reply === null ? undefined : String(reply);
  }

  async release(
    membership: Membership,
    channel: string,
    entryIds: readonly string[],
    isStarted: boolean,
  ): Promise<boolean> {
    const { component, member } = membership;
    const keys = this.#verbs.deliveryKeys(membership, channel);
    let isThere = true;
    for (let first = 0; first < entryIds.length; first += 500) {
      const args = [component, member, isStarted ? "1" : "0", ...entryIds.slice(first, first + 500)];
      const released = await this.#verbs.send(
        "release",
        "deliveries cannot be handed back",
        scripts.release,
        keys,
        args,
      );
      if (released === 0) isThere = false;
    }
    return isThere;
  }

  async acknowledgeAgain(membership: Membership, channel: string, entryIds: readonly string[]): Promise<void> {
    const keys = this.#verbs.deliveryKeys(membership, channel);
    const args = [membership.component, membership.member, ...entryIds];
    await this.#verbs.send("reack", "what was settled cannot be acknowledged again", scripts.reack, keys, args);
  }

  async releaseUnknown(membership: Membership, isKnown: (delivery: DeliveryId) => boolean): Promise<void> {
    const { partition, component, member } = membership;
    const { client } = this.#verbs;
    for (const { channel, holders } of await this.look(membership, 0, 0)) {
      if (!holders.includes(member)) continue;
      const stream = this.#verbs.keys.stream(partition, channel);
      for (let from = "-"; ; ) {
        const page = (await this.#verbs.read("pending deliveries cannot be read", () =>
          client.call("XPENDING", stream, component, from, "+", "500", member).catch(noneWithoutGroup),
        )) as [id: string, ...unknown[]][];
        const unknown = page.map(([entryId]) => entryId).filter((entryId) => !isKnown({ channel, entryId }));
        if (unknown.length > 0) await this.release(membership, channel, unknown, false);
        const last = page.at(-1);
        if (last === undefined || page.length < 500) break;
        from = `(${last[0]}`;
      }
    }
  }

  async claim(
    membership: Membership,
    channel: string,
    from: SilentMember | "released",
    idleMs: number,
    max: number,
  ): Promise<{ readonly entries: readonly ClaimedEntry[]; readonly lost: number }> {
    const { partition, component, member } = membership;
    const released = from === "released";
    const victim = released ? releasedConsumer : from.member;
    const keys = [
      ...this.#verbs.deliveryKeys(membership, channel),
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, victim),
      this.#verbs.keys.robbed(partition, component, member),
    ];
    const args = [component, member, victim, released ? "" : from.seenAt, max, idleMs, released ? "1" : "0"];
    const reply = await this.#verbs.send("claim", "deliveries cannot be taken over", scripts.claim, keys, args);
    const [lost, ...rows] = reply as ClaimReply;
    const entries = rows.map(([entryId, fields, record]) => ({
      channel,
      entryId,
      fields,
      record: parseRecord(record),
    }));
    return { entries, lost };
  }

  async strangers(membership: Membership, idleMs: number): Promise<readonly SilentMember[]> {
    const { partition, component, channels } = membership;
    const { client } = this.#verbs;
    const registered = new Set(
      await this.#verbs.read("members cannot be read", () =>
        client.zrange(this.#verbs.keys.members(partition, component), "0", "-1"),
      ),
    );
    const found = new Map<string, SilentMember>();
    for (const channel of channels) {
      const stream = this.#verbs.keys.stream(partition, channel);
      const rows = (await this.#verbs.read("consumers cannot be read", () =>
        client.call("XINFO", "CONSUMERS", stream, component),
      )) as unknown[][];
      for (const row of rows) {
        const { name, pending, idle } = toRecord(row);
        const isPlaceholder = name === parkedConsumer || name === releasedConsumer;
        if (isPlaceholder || registered.has(String(name)) || Number(pending) === 0 || Number(idle) < idleMs) continue;
        found.set(String(name), { member: String(name), seenAt: "" });
      }
    }
    return [...found.values()];
  }
}

/** Nothing is pending in a group that is gone. */
function noneWithoutGroup(error: unknown): readonly never[] {
  if (error instanceof Error && error.message.startsWith("NOGROUP")) return [];
  throw error;
}
