/** Reads where components stand on a stream, by the rows of its partition and by its groups. */

import { compareIds, greatestId } from "../../model/entry-ids.ts";
import { StoreError } from "../../model/errors.ts";
import type { GroupFacts, LogStream, OpenDelivery } from "../../ports/inspect.ts";
import { type Keys, parkedConsumer } from "../keys.ts";

/** Most entries of a group's pending list, or of a parked set, that are looked at. */
const maxShown = 10_000;

/** How far a component has come on a stream, as the row of its partition has it. */
interface Progress {
  /** The owner; empty where there is none. */
  readonly member: string;
  readonly at: string;
  readonly open: readonly string[];
  readonly lost: number;
}

/** Sends one command that only reads, until it is answered. @throws {StoreError} */
export type Ask = (command: string, ...args: readonly string[]) => Promise<unknown>;

export class GroupReader {
  readonly #keys: Keys;
  readonly #ask: Ask;

  constructor(keys: Keys, ask: Ask) {
    this.#keys = keys;
    this.#ask = ask;
  }

  /** The facts of the stream's groups, and of those of the named components that have a row although their group is gone. */
  async factsOf(
    stream: LogStream,
    components: readonly string[],
    lastEntryId: string,
    now: number,
  ): Promise<readonly GroupFacts[]> {
    const rows = (await this.#ask("XINFO", "GROUPS", this.#streamKey(stream))) as unknown[][];
    const groups = new Map<string, Map<string, unknown> | undefined>(components.map((name) => [name, undefined]));
    for (const row of rows) {
      const group = toMap(row);
      groups.set(String(group.get("name")), group);
    }
    const facts = await Promise.all(
      [...groups].map(([component, group]) => this.#groupFacts(stream, lastEntryId, component, group, now)),
    );
    return facts.filter((one) => one !== undefined);
  }

  async openDelivery(stream: LogStream, component: string, entryId: string): Promise<OpenDelivery | undefined> {
    const { partition, channel } = stream;
    const [progress, record, parkedUntil, shown] = await Promise.all([
      this.#progress(stream, component),
      this.#ask("HGET", this.#keys.attempts(partition, channel, component), entryId) as Promise<string | null>,
      this.#ask("ZSCORE", this.#keys.parked(partition, channel, component), entryId) as Promise<string | null>,
      this.#pending(stream, component, entryId, entryId, 1),
    ]);
    // What the group shows before the position is not open if the row does not say so: somebody may have read it there.
    const isOpen =
      progress === undefined
        ? shown.length > 0
        : progress.open.includes(entryId) || (shown.length > 0 && compareIds(entryId, progress.at) > 0);
    if (parkedUntil === null && !isOpen) return undefined;
    const [attempts = "1", , , due] = record?.split(":") ?? [];
    const dueAt = parkedUntil ?? due;
    return {
      held: parkedUntil === null ? "open" : "parked",
      member: progress?.member ?? "",
      attempt: Math.max(1, Number(attempts)),
      dueAt: dueAt === undefined ? undefined : Number(dueAt),
    };
  }

  /** Undefined where there is neither a group nor a row that names the channel. */
  async #groupFacts(
    stream: LogStream,
    lastEntryId: string,
    component: string,
    group: Map<string, unknown> | undefined,
    now: number,
  ): Promise<GroupFacts | undefined> {
    const progress = await this.#progress(stream, component);
    if (progress === undefined && group === undefined) return undefined;
    const { partition, channel } = stream;
    const key = this.#streamKey(stream);
    const delivered = String(group?.get("last-delivered-id") ?? "0-0");
    // A row that stands after the stream's end is that of another stream, which is gone.
    const isOfAnother = progress !== undefined && compareIds(progress.at, lastEntryId || "0-0") > 0;
    const positionId = isOfAnother ? "0-0" : (progress?.at ?? delivered);
    const shownFrom = progress === undefined ? "-" : `(${positionId}`;
    const [shown, consumers, parked, deadLetters] = await Promise.all([
      group === undefined ? [] : this.#pending(stream, component, shownFrom, "+", maxShown),
      group === undefined ? [] : (this.#ask("XINFO", "CONSUMERS", key, component) as Promise<unknown[][]>),
      this.#ask("ZCARD", this.#keys.parked(partition, channel, component)) as Promise<number>,
      this.#ask("XLEN", this.#keys.dead(partition, channel, component)) as Promise<number>,
    ]);
    const late = shown.flatMap(([entryId, consumer]) => (consumer === parkedConsumer ? [] : [entryId]));
    const open = [...(progress === undefined || isOfAnother ? [] : progress.open), ...late];
    const oldestParked = await this.#oldestParked(stream, component, parked, group !== undefined);
    const oldestOpenId = [...open, ...oldestParked].reduce((a, b) => (a === "" || compareIds(b, a) < 0 ? b : a), "");
    const readers = consumers.map(toMap).filter((consumer) => consumer.get("name") !== parkedConsumer);
    const idleMs = readers.map((consumer) => Number(consumer.get("idle")));
    const lag = positionId === delivered ? group?.get("lag") : undefined;
    return {
      component,
      positionId,
      lag: typeof lag === "number" ? lag : undefined,
      pending: open.length,
      parked,
      oldestOpenId,
      deadLetters,
      lost: progress?.lost ?? 0,
      consumers: readers.map((consumer) => String(consumer.get("name"))),
      lastSeenAt: idleMs.length === 0 ? undefined : now - Math.min(...idleMs),
    };
  }

  /** How far a component has come, as its row has it; undefined where no owner was ever there. */
  async #progress({ partition, channel }: LogStream, component: string): Promise<Progress | undefined> {
    const fields = ["owner", `at:${channel}`, `open:${channel}`, `lost:${channel}`];
    const reply = (await this.#ask("HMGET", this.#keys.owner(partition, component), ...fields)) as (string | null)[];
    const [owner, at, open, lost] = reply;
    if (at === undefined || at === null) return undefined;
    const ids = (open ?? "").split(" ").flatMap((id) => (id === "" ? [] : [id.replace("!", "")]));
    return { member: memberIn(owner), at, open: ids, lost: Number(lost ?? 0) };
  }

  /** What a group's pending list shows in a range; empty where there is no group. */
  async #pending(
    stream: LogStream,
    component: string,
    from: string,
    to: string,
    max: number,
  ): Promise<readonly (readonly [entryId: string, consumer: string])[]> {
    if (from === `(${greatestId}`) return []; // Redis calls it no id
    try {
      return (await this.#ask("XPENDING", this.#streamKey(stream), component, from, to, String(max))) as [
        string,
        string,
      ][];
    } catch (error) {
      if (error instanceof StoreError && /NOGROUP/.test(error.message)) return [];
      throw error;
    }
  }

  /** The oldest parked entry, or none. The parked set is ordered by due time: where it is large, the group's list is asked, ordered by id. */
  async #oldestParked(
    stream: LogStream,
    component: string,
    parked: number,
    hasGroup: boolean,
  ): Promise<readonly string[]> {
    if (parked === 0) return [];
    if (parked > maxShown && hasGroup) {
      const key = this.#streamKey(stream);
      const rows = (await this.#ask("XPENDING", key, component, "-", "+", "1", parkedConsumer)) as [string][];
      if (rows.length > 0) return rows.map(([entryId]) => entryId);
    }
    const key = this.#keys.parked(stream.partition, stream.channel, component);
    return (await this.#ask("ZRANGE", key, "0", String(maxShown - 1))) as string[];
  }

  #streamKey({ partition, channel }: LogStream): string {
    return this.#keys.stream(partition, channel);
  }
}

/** The member in an owner, `<member>/<token>`; empty where there is none. */
export function memberIn(owner: string | null | undefined): string {
  return owner?.split("/", 1)[0] ?? "";
}

/** Makes a map of a reply in which names and values alternate. */
export function toMap<V>(reply: readonly V[]): Map<string, V> {
  const map = new Map<string, V>();
  for (let i = 0; i + 1 < reply.length; i += 2) map.set(String(reply[i]), reply[i + 1] as V);
  return map;
}
