/** The status of every channel, component and member of a namespace. */

import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import { ConfigError } from "../../model/errors.ts";
import { isLiving, memberLivesMs } from "../../model/liveness.ts";
import type { GroupFacts, Inspector, LogStream, MemberFacts, StreamFacts } from "../../ports/inspect.ts";
import { type ChannelStatus, channelStatus, readChannel } from "./channel-status.ts";
import { type MemberStatus, memberStatuses, type OwnerStatus, ownerStatus } from "./member-status.ts";
import { type RelayStatus, readRelays } from "./relay-status.ts";
import { readSources, type SourceStatus } from "./source-status.ts";

/** Plain JSON, the same as `throughline status --json` prints. Times are epoch ms on the server's clock. */
export interface BackboneStatus {
  readonly namespace: string;
  readonly at: number;
  readonly partitions: number;
  readonly channels: readonly ChannelStatus[];
  readonly components: readonly ComponentStatus[];
  /** The channels that the handlers of each component have published to, as far as their processes have noted it. */
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly sources: readonly SourceStatus[];
  readonly members: readonly MemberStatus[];
}

/** The status of one component in one partition. */
export interface ComponentStatus {
  readonly component: string;
  readonly partition: number;
  /**
   * `served`: a living member owns the partition. `unserved`: none does, be it for a moment. `abandoned`: no member has lived for long, and
   * unfinished entries wait, so that retention must keep them. `foreign`: a group that no component of ours has made, which has no heartbeats:
   * nobody can say who serves it.
   */
  readonly state: "served" | "unserved" | "abandoned" | "foreign";
  /** Null where nobody owns the partition. */
  readonly owner: OwnerStatus | null;
  /** Living members that do not own the partition, sorted. */
  readonly standBy: readonly string[];
  /** Last sign of life of any member, epoch ms; null where none is recorded. */
  readonly lastSeenAt: number | null;
  readonly channels: readonly ConsumptionStatus[];
  /** Outputs that wait to be moved to partitions at other nodes, on a cluster; a few for a moment are usual. */
  readonly relays: readonly RelayStatus[];
}

/** The progress of one component on one channel. */
export interface ConsumptionStatus {
  readonly channel: string;
  /** The position: everything up to here is finished, but for what is pending or parked. */
  readonly position: string;
  /** Number of entries after the position; a lower bound where `lagExact` is false. */
  readonly lagEntries: number;
  readonly lagExact: boolean;
  /** Time that the oldest entry after the position has waited, ms; 0 where there is none. */
  readonly lagMs: number;
  /** Number of entries begun and not finished: before the position, and those after it that are under way for longer than a second. */
  readonly pending: number;
  /** Time since the append of the oldest pending or parked entry, ms; 0 where there is none. */
  readonly oldestPendingMs: number;
  /** Number of entries that wait for their next attempt. */
  readonly parked: number;
  readonly deadLetters: number;
  /** Number of entries removed before the component read them, since its first start, as far as they could be counted. */
  readonly lost: number;
  /**
   * True where the component was last started without a subscription to the channel, and no live member has owned a partition with one:
   * nobody handles the entries that wait here, and retention keeps them.
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

/** Reads the status. @throws {ConfigError} when the namespace has not been used. @throws {StoreError} */
export async function readStatus(inspector: Inspector, options: StatusOptions = {}): Promise<BackboneStatus> {
  const { silentAfterMs = memberLivesMs, abandonedAfterMs = 600_000 } = options;
  const catalogue = await inspector.catalogue();
  if (catalogue === undefined) throw unused(inspector.namespace);
  const at = await inspector.now();
  const channels: ChannelStatus[] = [];
  const components: ComponentStatus[] = [];
  const ownedBy = new Map<string, Map<string, number[]>>();
  const membersOf = new Map<string, ReadonlyMap<string, MemberFacts>>();
  for (let partition = 0; partition < catalogue.partitions; partition++) {
    const groupsOf = new Map<string, Subscription[]>([...catalogue.components.keys()].map((name) => [name, []]));
    const streams = catalogue.channels.map((channel) => ({ channel, partition }));
    const named = [...catalogue.components.keys()];
    const looks = await atOnce(streams, (stream) => readChannel(inspector, stream, named));
    for (const [i, stream] of streams.entries()) {
      const look = looks[i];
      if (look === undefined) continue;
      channels.push(channelStatus(stream, look, at, catalogue.retention.get(stream.channel)?.onFull === "evict"));
      const { facts } = look;
      for (const group of facts.groups) {
        const subscriptions = groupsOf.get(group.component) ?? [];
        groupsOf.set(group.component, subscriptions);
        subscriptions.push({ stream, group, facts });
      }
    }
    for (const [component, subscriptions] of groupsOf) {
      const members = membersOf.get(component) ?? (await inspector.members(component));
      membersOf.set(component, members);
      const living = new Set([...members].flatMap(([name, one]) => (isLiving(one, at, silentAfterMs) ? [name] : [])));
      const owner = ownerStatus(await inspector.owner(partition, component), living);
      if (owner !== null) {
        const owned = ownedBy.get(component) ?? new Map<string, number[]>();
        ownedBy.set(component, owned);
        owned.set(owner.member, [...(owned.get(owner.member) ?? []), partition]);
      }
      const described = catalogue.components.get(component);
      const consumption = await atOnce(subscriptions, async ({ stream, group, facts }) => {
        const isSubscribed = described === undefined || described.includes(stream.channel);
        const dropped = !isSubscribed && !group.consumers.some((consumer) => living.has(consumer));
        return { ...(await consumptionStatus(inspector, stream, group, facts, at)), dropped };
      });
      const seen = [
        ...[...members.values()].map(({ seenAt }) => seenAt),
        ...subscriptions.map((s) => s.group.lastSeenAt),
      ];
      const lastSeenAt = seen.filter(isNumber).reduce<number | null>((a, b) => Math.max(a ?? 0, b), null);
      const isServed = owner?.live === true;
      const isForeign = !isServed && described === undefined && members.size === 0;
      const isOver = !isServed && isAbandoned(consumption, lastSeenAt, at, abandonedAfterMs);
      components.push({
        component,
        partition,
        state: isServed ? "served" : isForeign ? "foreign" : isOver ? "abandoned" : "unserved",
        owner,
        standBy: [...living].filter((name) => name !== owner?.member).sort(),
        lastSeenAt,
        channels: consumption,
        relays: await readRelays(inspector, partition, component, { partitions: catalogue.partitions, at }),
      });
    }
  }
  const ofSources = await readSources(inspector, catalogue, at, silentAfterMs);
  const members = [...membersOf].flatMap(([component, known]) =>
    memberStatuses(component, known, ownedBy.get(component) ?? new Map(), at, silentAfterMs),
  );
  return {
    namespace: inspector.namespace,
    at,
    partitions: catalogue.partitions,
    channels,
    components,
    outputs: Object.fromEntries(catalogue.outputs),
    sources: ofSources.sources,
    members: [...members, ...ofSources.members],
  };
}

/** A component's place on a stream. */
interface Subscription {
  readonly stream: LogStream;
  readonly group: GroupFacts;
  readonly facts: StreamFacts;
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

async function consumptionStatus(
  inspector: Inspector,
  stream: LogStream,
  group: GroupFacts,
  facts: StreamFacts,
  at: number,
): Promise<Omit<ConsumptionStatus, "dropped">> {
  const after = `(${group.positionId}`;
  const [unread] = await inspector.page(stream, { from: after, to: "+", reverse: false }, 1);
  const { lagEntries, lagExact } = unread === undefined ? noLag : await lagOf(inspector, stream, group, facts);
  const { oldestOpenId } = group;
  return {
    channel: stream.channel,
    position: group.positionId,
    lagEntries,
    lagExact,
    lagMs: unread === undefined ? 0 : Math.max(0, at - timeOf(unread.entryId)),
    pending: group.pending,
    oldestPendingMs: oldestOpenId === "" ? 0 : Math.max(0, at - timeOf(oldestOpenId)),
    parked: group.parked,
    deadLetters: group.deadLetters,
    lost: group.lost,
    oldestUnfinishedId: oldestOf(oldestOpenId, unread?.entryId),
  };
}

/** What is long under way may lie after the oldest unread. */
function oldestOf(openId: string, unreadId: string | undefined): string | null {
  if (openId === "") return unreadId ?? null;
  return unreadId === undefined || compareIds(openId, unreadId) <= 0 ? openId : unreadId;
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
  if (first !== undefined && compareIds(group.positionId, first.entryId) < 0) {
    return { lagEntries: facts.entries, lagExact: true };
  }
  let counted = 0;
  let from = `(${group.positionId}`;
  while (counted < maxCounted) {
    const page = await inspector.page(stream, { from, to: "+", reverse: false }, countPageSize);
    counted += page.length;
    const last = page.at(-1);
    if (last === undefined || page.length < countPageSize) return { lagEntries: counted, lagExact: true };
    from = `(${last.entryId}`;
  }
  return { lagEntries: counted, lagExact: false };
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
