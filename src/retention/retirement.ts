/** Retires a component, or its group on one channel, so that retention no longer keeps entries for it. */

import { type BackboneStatus, type ConsumptionStatus, readStatus } from "../inspect/status/status.ts";
import { ConfigError, StoreError } from "../model/errors.ts";
import { memberLivesMs } from "../model/liveness.ts";
import type { Inspector } from "../ports/inspect.ts";

/** A group to remove, with the number of entries that nobody will handle. */
export interface RetiredGroup {
  readonly channel: string;
  readonly partition: number;
  /** Number of entries after the component's position; a lower bound where `unreadExact` is false. */
  readonly unread: number;
  readonly unreadExact: boolean;
  /** Number of entries begun and not finished: pending or parked. */
  readonly open: number;
}

/** Plain JSON, the same as `throughline component retire --json` prints. */
export interface Retirement {
  readonly component: string;
  /** Null where the whole component is retired. */
  readonly channel: string | null;
  readonly groups: readonly RetiredGroup[];
}

/** The options of a retirement. */
export interface RetireOptions {
  /** The channel on which the group is removed. Default: every group of the component, and its name in the namespace's description. */
  readonly channel?: string;
  /** Reports what would be done, and changes nothing. */
  readonly dryRun?: boolean;
}

/** Removes a component's groups from one partition, or its name from the namespace's description. */
export interface Retirer {
  /** Gives the name of a live member, which would make the groups again; undefined when the groups are removed. @throws {StoreError} */
  removeGroups(of: {
    readonly component: string;
    readonly partition: number;
    readonly channels: readonly string[];
    readonly isWhole: boolean;
    readonly liveMs: number;
  }): Promise<string | undefined>;
  /** @throws {StoreError} */
  forget(component: string): Promise<void>;
}

/**
 * Removes a component's groups. Its state, its settlement log and its dead letters stay.
 * @throws {ConfigError} when the component has no group here, or when it has a live member, which would make the groups again
 */
export async function retire(
  inspector: Inspector,
  retirer: Retirer,
  component: string,
  { channel, dryRun = false }: RetireOptions = {},
): Promise<Retirement> {
  const catalogue = await inspector.catalogue();
  const described = catalogue?.components.get(component);
  const status = await readStatus(inspector);
  refuseUnread(status, channel === undefined ? (described ?? []) : [channel]);
  const { partitions } = status;
  const byPartition = status.components.filter((one) => one.component === component);
  const groups = byPartition.flatMap(({ partition, channels }) =>
    channels.filter((one) => channel === undefined || one.channel === channel).map((one) => groupOf(partition, one)),
  );
  if (groups.length === 0 && (channel !== undefined || described === undefined)) throw unknown(component, channel);
  refuseLive(component, channel, status);
  const isWhole = channel === undefined;
  if (!dryRun) {
    // Records may remain of a group that is gone, and a member would make the group again from them.
    const named = isWhole ? [...new Set([...(described ?? []), ...groups.map((one) => one.channel)])] : [channel];
    for (let partition = 0; partition < partitions; partition++) {
      const of = { component, partition, channels: named, isWhole, liveMs: memberLivesMs };
      const member = await retirer.removeGroups(of);
      if (member !== undefined) throw alive(component, channel, member);
    }
    if (isWhole) await retirer.forget(component);
  }
  return { component, channel: channel ?? null, groups };
}

function groupOf(partition: number, one: ConsumptionStatus): RetiredGroup {
  const { channel, lagEntries: unread, lagExact: unreadExact, pending, parked } = one;
  return { channel, partition, unread, unreadExact, open: pending + parked };
}

/** What waits on a channel that cannot be read is not known, nor whose it is. */
function refuseUnread({ channels }: BackboneStatus, named: readonly string[]): void {
  for (const { channel, refusal } of channels)
    if (refusal !== null && named.includes(channel)) throw new StoreError(`${refusal}. Nothing was removed`);
}

function refuseLive(component: string, channel: string | undefined, { members, components }: BackboneStatus): void {
  const member = members.find((one) => one.component === component && one.live)?.member;
  if (member === undefined) return;
  const isRead = components.some(
    (one) =>
      one.component === component && one.channels.some(({ channel: name, dropped }) => name === channel && !dropped),
  );
  if (channel === undefined || isRead) throw alive(component, channel, member);
}

function alive(component: string, channel: string | undefined, member: string): ConfigError {
  const remedy =
    channel === undefined
      ? "stop its members first"
      : `stop its members first, or have them all run without a subscription to "${channel}"`;
  return new ConfigError(
    `component "${component}" is served by "${member}", which would make its groups again: ${remedy}. Nothing was removed`,
  );
}

function unknown(component: string, channel: string | undefined): ConfigError {
  const where = channel === undefined ? "" : ` on channel "${channel}"`;
  return new ConfigError(`there is nothing of a component "${component}"${where} in this namespace`);
}
