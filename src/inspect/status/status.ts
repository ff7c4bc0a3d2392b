/** The status of every channel, component and member of a namespace. */

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

/** The status of one channel in one partition. */
export interface ChannelStatus {
  readonly channel: string;
  readonly partition: number;
  readonly entries: number;
  /** Null while nothing was ever appended. */
  readonly lastEntryId: string | null;
  readonly lastAppendAt: number | null;
  /** Damage that a producer did to the channel; `throughline repair` mends it. */
  readonly damage: Damage;
}

/** The status of one component in one partition. */
export interface ComponentStatus {
  readonly component: string;
  readonly partition: number;
  /**
   * `served`: a member lives. `unserved`: none does. `abandoned`: none has lived for long, and unfinished entries wait, so that
   * retention must keep them. `foreign`: a group that no component of ours has made, which has no heartbeats: nobody can say who serves it.
   */
  readonly state: "served" | "unserved" | "abandoned" | "foreign";
  /** Last sign of life of any member, epoch ms; null where none is recorded. */
  readonly lastSeenAt: number | null;
  readonly members: readonly MemberStatus[];
  readonly channels: readonly ConsumptionStatus[];
}

/** One member of a component. */
export interface MemberStatus {
  readonly member: string;
  /** Last heartbeat, epoch ms; null for a member that holds deliveries but is no longer registered, because it was taken for dead. */
  readonly lastSeenAt: number | null;
  readonly live: boolean;
  /** Number of deliveries that the member holds. */
  readonly pending: number;
}

/** The progress of one component on one channel. */
export interface ConsumptionStatus {
  readonly channel: string;
  /** Number of entries appended and not yet delivered; a lower bound where `lagExact` is false. */
  readonly lagEntries: number;
  readonly lagExact: boolean;
  /** Time that the oldest undelivered entry has waited, ms; 0 where there is none. */
  readonly lagMs: number;
  /** Number of deliveries not settled, handed-back ones included, parked ones not. */
  readonly pending: number;
  /** Time since the append of the oldest unsettled entry, parked ones included, ms; 0 where there is none. */
  readonly oldestPendingMs: number;
  /** Number of entries that wait for their next attempt. */
  readonly parked: number;
  readonly deadLetters: number;
  /** Number of entries removed before the component read them, since its first start, as far as they could be counted. */
  readonly lost: number;
  readonly lastDeliveredId: string;
  /**
   * True where the component was last started without a subscription to the channel, and no live member has read the channel: nobody
   * handles the entries that wait here, and retention keeps them.
   */
  readonly dropped: boolean;
  /** The oldest unfinished entry: retention keeps it and everything after it. Null where all entries are finished. */
  readonly oldestUnfinishedId: string | null;
}

/** The silences after which a member and a component count as gone. */
export interface StatusOptions {
  /** Longest silence of a live member, ms. Default `memberLivesMs`. */
  readonly silentAfterMs?: number;
  /** Time without a live member after which a component counts as abandoned, ms. Default 600,000. */
  readonly abandonedAfterMs?: number;
}

/** Longest silence of a live member, ms. */
export const memberLivesMs = 15_000;

/** Reads the status. @throws {ConfigError} when the namespace has not been used. @throws {StoreError} */
export async function readStatus(inspector: Inspector, options: StatusOptions = {}): Promise<BackboneStatus> {
  const { silentAfterMs = memberLivesMs, abandonedAfterMs = 600_000 } = options;
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const at = await inspector.now();
  const channels: ChannelStatus[] = [];
  const components: ComponentStatus[] = [];
  for (let partition = 0; partition < catalogue.partitions; partition++) {
    const groupsOf = new Map<string, { stream: LogStream; group: GroupFacts; facts: StreamFacts }[]>();
    for (const component of catalogue.components.keys()) groupsOf.set(component, []);
    const streams = catalogue.channels.map((channel) => ({ channel, partition }));
    const factsOf = await atOnce(streams, (stream) => inspector.streamFacts(stream));
    for (const [i, stream] of streams.entries()) {
      const facts = factsOf[i];
      if (facts === undefined) continue;
      channels.push(channelStatus(stream, facts, at, catalogue.retention.get(stream.channel)?.onFull === "evict"));
      for (const group of facts.groups) {
        const subscriptions = groupsOf.get(group.component) ?? [];
        groupsOf.set(group.component, subscriptions);
        subscriptions.push({ stream, group, facts });
      }
    }
    for (const [component, subscriptions] of groupsOf) {
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
        : described === undefined && heartbeats.size === 0
          ? "foreign"
          : isAbandoned(consumption, lastSeenAt, at, abandonedAfterMs)
            ? "abandoned"
            : "unserved";
      components.push({ component, partition, state, lastSeenAt, members, channels: consumption });
    }
  }
  return { namespace: inspector.namespace, at, partitions: catalogue.partitions, channels, components };
}

/** Most requests under way at once. */
const maxAtOnce = 50;

/** Asks about each item, up to `maxAtOnce` at a time; the answers are in the order of the items. */
async function atOnce<T, A>(of: readonly T[], ask: (one: T) => Promise<A>): Promise<readonly A[]> {
  const answers: A[] = [];
  for (let first = 0; first < of.length; first += maxAtOnce) {
    answers.push(...(await Promise.all(of.slice(first, first + maxAtOnce).map(ask))));
  }
  return answers;
}

/** The error for a namespace that nothing has used. */
export function unused(namespace: string): ConfigError {
  return new ConfigError(
    `nothing has used namespace "${namespace}" on this Redis yet: check --namespace and --url, or start a component`,
  );
}

/** Most entries that are counted by reading them: beyond this number the exact count is not worth the reads. */
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

/** Counts the lag. Redis cannot tell it for a group that began in the middle of a stream, or after deletes ahead of the group. */
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
      // A heartbeat far ahead dates from before the clock was set back; a live member corrects its own.
      const live = lastSeenAt !== null && Math.abs(at - lastSeenAt) <= silentAfterMs;
      return { member, lastSeenAt, live, pending: count };
    });
}

/** Tells whether a component is abandoned; without a recorded sign of life, the age of its oldest unfinished entry decides. */
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
