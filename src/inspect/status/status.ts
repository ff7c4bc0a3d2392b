/** Where every channel, component and member of a namespace stands. */

import { type Damage, damageOf } from "../../model/channel-damage.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import { ConfigError } from "../../model/errors.ts";
import type { GroupFacts, Inspector, LogStream, StreamFacts } from "../../ports/inspect.ts";

/** Plain JSON, the same as `throughline status --json` prints. Times are epoch ms on the server's clock. */
export interface BackboneStatus {
  readonly namespace: string;
  readonly at: number;
  readonly partitions: number;
  readonly channels: readonly ChannelStatus[];
  readonly components: readonly ComponentStatus[];
}

export interface ChannelStatus {
  readonly channel: string;
  readonly partition: number;
  readonly entries: number;
  /** Null while nothing was ever appended. */
  readonly lastEntryId: string | null;
  readonly lastAppendAt: number | null;
  /** What somebody who may publish to it has done to it; `throughline repair` mends it. */
  readonly damage: Damage;
}

export interface ComponentStatus {
  readonly component: string;
  readonly partition: number;
  /**
   * `served`: a member lives. `unserved`: none does. `abandoned`: none has for long, and unfinished entries wait, which
   * retention has to keep.
   */
  readonly state: "served" | "unserved" | "abandoned";
  /** The last sign of life of any member; null where there is none on record. */
  readonly lastSeenAt: number | null;
  readonly members: readonly MemberStatus[];
  readonly channels: readonly ConsumptionStatus[];
}

export interface MemberStatus {
  readonly member: string;
  /** Null for one that holds deliveries but is not registered: it was taken for dead. */
  readonly lastSeenAt: number | null;
  readonly live: boolean;
  /** Deliveries that it holds. */
  readonly pending: number;
}

export interface ConsumptionStatus {
  readonly channel: string;
  /** Appended and not yet delivered. Where `lagExact` is false there are at least so many. */
  readonly lagEntries: number;
  readonly lagExact: boolean;
  /** How long the oldest undelivered entry has waited; 0 where there is none. */
  readonly lagMs: number;
  /** Delivered to members and not settled, handed-back ones included, parked ones not. */
  readonly pending: number;
  /** How long ago the oldest unsettled entry was appended, parked ones included; 0 where there is none. */
  readonly oldestPendingMs: number;
  /** Waiting for their next attempt. */
  readonly parked: number;
  readonly deadLetters: number;
  /** Entries that were removed before the component had them, ever since it began, as far as they could be counted. */
  readonly lost: number;
  readonly lastDeliveredId: string;
  /**
   * The component has last been started without a subscription to the channel, and no member that lives has read it: nobody handles
   * what waits here, and retention keeps it.
   */
  readonly dropped: boolean;
  /** The oldest entry that is not finished: retention keeps it and everything after it. Null where all is finished. */
  readonly oldestUnfinishedId: string | null;
}

export interface StatusOptions {
  /** A member that was silent for longer does not live. Default `memberLivesMs`. */
  readonly silentAfterMs?: number;
  /** Default 600,000. */
  readonly abandonedAfterMs?: number;
}

/** A member that was silent for longer does not live, ms. */
export const memberLivesMs = 15_000;

/** @throws {ConfigError} when the namespace has not been used. @throws {StoreError} */
export async function readStatus(inspector: Inspector, options: StatusOptions = {}): Promise<BackboneStatus> {
  const { silentAfterMs = memberLivesMs, abandonedAfterMs = 600_000 } = options;
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const at = await inspector.now();
  const channels: ChannelStatus[] = [];
  const components: ComponentStatus[] = [];
  for (let partition = 0; partition < catalogue.partitions; partition++) {
    const standing = new Map<string, { stream: LogStream; group: GroupFacts; facts: StreamFacts }[]>();
    for (const component of catalogue.components.keys()) standing.set(component, []);
    const streams = catalogue.channels.map((channel) => ({ channel, partition }));
    const factsOf = await atOnce(streams, (stream) => inspector.streamFacts(stream));
    for (const [place, stream] of streams.entries()) {
      const facts = factsOf[place];
      if (facts === undefined) continue;
      channels.push(channelStatus(stream, facts, at, catalogue.retention.get(stream.channel)?.onFull === "evict"));
      for (const group of facts.groups) {
        const subscriptions = standing.get(group.component) ?? [];
        standing.set(group.component, subscriptions);
        subscriptions.push({ stream, group, facts });
      }
    }
    for (const [component, subscriptions] of standing) {
      const heartbeats = await inspector.members(partition, component);
      const members = memberStatuses(
        heartbeats,
        subscriptions.map((s) => s.group),
        at,
        silentAfterMs,
      );
      const living = new Set(members.flatMap(({ member, live }) => (live ? [member] : [])));
      const described = catalogue.components.get(component);
      const subscribed = new Set(described);
      const consumption = await atOnce(subscriptions, async ({ stream, group, facts }) => {
        const isSubscribed = described === undefined || subscribed.has(stream.channel);
        const dropped = !isSubscribed && !group.consumers.some((consumer) => living.has(consumer));
        return { ...(await consumptionStatus(inspector, stream, group, facts, at)), dropped };
      });
      const seenAt = [...heartbeats.values(), ...subscriptions.map((s) => s.group.lastSeenAt)].filter(isNumber);
      const lastSeenAt = seenAt.length === 0 ? null : Math.max(...seenAt);
      const state = members.some((member) => member.live)
        ? "served"
        : isAbandoned(consumption, lastSeenAt, at, abandonedAfterMs)
          ? "abandoned"
          : "unserved";
      components.push({ component, partition, state, lastSeenAt, members, channels: consumption });
    }
  }
  return { namespace: inspector.namespace, at, partitions: catalogue.partitions, channels, components };
}

/** Questions that are under way at the same time. */
const maxAtOnce = 50;

/** Asks of each, some at a time; the answers stand in the order of what was asked of. */
async function atOnce<T, A>(of: readonly T[], ask: (one: T) => Promise<A>): Promise<readonly A[]> {
  const answers: A[] = [];
  for (let first = 0; first < of.length; first += maxAtOnce) {
    answers.push(...(await Promise.all(of.slice(first, first + maxAtOnce).map(ask))));
  }
  return answers;
}

/** The error for a namespace that holds nothing. */
export function unused(namespace: string): ConfigError {
  return new ConfigError(
    `nothing has used namespace "${namespace}" on this Redis yet: check --namespace and --url, or start a component`,
  );
}

/** Counting by pages stops here: beyond it the exact number matters less than the entries that it would read. */
const maxCounted = 10_000;
const countPageSize = 100;

function channelStatus(
  { channel, partition }: LogStream,
  facts: StreamFacts,
  at: number,
  evicts: boolean,
): ChannelStatus {
  const { entries, lastEntryId } = facts;
  const appended = lastEntryId !== "";
  return {
    channel,
    partition,
    entries,
    lastEntryId: appended ? lastEntryId : null,
    lastAppendAt: appended ? timeOf(lastEntryId) : null,
    damage: damageOf(facts, at, evicts),
  };
}

async function consumptionStatus(
  inspector: Inspector,
  stream: LogStream,
  group: GroupFacts,
  facts: StreamFacts,
  at: number,
): Promise<Omit<ConsumptionStatus, "dropped">> {
  const after = `(${group.lastDeliveredId}`;
  const [unread] = await inspector.page(stream, { from: after, to: "+", reverse: false }, 1);
  const { lagEntries, lagExact } = unread === undefined ? noLag : await lagOf(inspector, stream, group, facts);
  const held = [...group.pendingOf.values()].reduce((sum, count) => sum + count, 0);
  const oldestUnfinishedId = group.oldestPendingId || (unread?.entryId ?? null);
  return {
    channel: stream.channel,
    lagEntries,
    lagExact,
    lagMs: unread === undefined ? 0 : Math.max(0, at - timeOf(unread.entryId)),
    pending: held + group.released,
    oldestPendingMs: group.oldestPendingId === "" ? 0 : Math.max(0, at - timeOf(group.oldestPendingId)),
    parked: group.parked,
    deadLetters: group.deadLetters,
    lost: group.lost,
    lastDeliveredId: group.lastDeliveredId,
    oldestUnfinishedId,
  };
}

const noLag = { lagEntries: 0, lagExact: true };

/** Redis cannot tell the lag of a group that began in the middle of a stream, or after deletes ahead of it. */
async function lagOf(
  inspector: Inspector,
  stream: LogStream,
  group: GroupFacts,
  facts: StreamFacts,
): Promise<{ lagEntries: number; lagExact: boolean }> {
  if (group.lag !== undefined) return { lagEntries: group.lag, lagExact: true };
  const [first] = await inspector.page(stream, { from: "-", to: "+", reverse: false }, 1);
  if (first !== undefined && compareIds(group.lastDeliveredId, first.entryId) < 0) {
    return { lagEntries: facts.entries, lagExact: true };
  }
  let counted = 0;
  let from = `(${group.lastDeliveredId}`;
  while (counted < maxCounted) {
    const page = await inspector.page(stream, { from, to: "+", reverse: false }, countPageSize);
    counted += page.length;
    const last = page.at(-1);
    if (last === undefined || page.length < countPageSize) return { lagEntries: counted, lagExact: true };
    from = `(${last.entryId}`;
  }
  return { lagEntries: counted, lagExact: false };
}

function memberStatuses(
  heartbeats: ReadonlyMap<string, number>,
  groups: readonly GroupFacts[],
  at: number,
  silentAfterMs: number,
): readonly MemberStatus[] {
  const pending = new Map<string, number>([...heartbeats.keys()].map((member) => [member, 0]));
  for (const group of groups) {
    for (const [member, count] of group.pendingOf) pending.set(member, (pending.get(member) ?? 0) + count);
  }
  return [...pending]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([member, count]) => {
      const lastSeenAt = heartbeats.get(member) ?? null;
      // A heartbeat far ahead is one from before the clock was set back; whoever lives corrects theirs.
      const live = lastSeenAt !== null && Math.abs(at - lastSeenAt) <= silentAfterMs;
      return { member, lastSeenAt, live, pending: count };
    });
}

/** Where no sign of life is on record, the age of the oldest unfinished entry says how long nobody has come. */
function isAbandoned(
  consumption: readonly ConsumptionStatus[],
  lastSeenAt: number | null,
  at: number,
  abandonedAfterMs: number,
): boolean {
  const unfinished = consumption.filter((c) => c.oldestUnfinishedId !== null);
  if (unfinished.length === 0) return false;
  if (lastSeenAt !== null) return at - lastSeenAt > abandonedAfterMs;
  return unfinished.some((c) => at - timeOf(c.oldestUnfinishedId ?? "") > abandonedAfterMs);
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}
