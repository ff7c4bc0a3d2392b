/** Retiring a component, or its group on one channel: what retention holds for it may go from then on. */

import { type ComponentStatus, type ConsumptionStatus, memberLivesMs, readStatus } from "../inspect/status/status.ts";
import { ConfigError } from "../model/errors.ts";
import type { Inspector } from "../ports/inspect.ts";

/** A group that is removed, and what nobody will handle. */
export interface RetiredGroup {
  readonly channel: string;
  readonly partition: number;
  /** Appended and never delivered. Where `unreadExact` is false there are at least so many. */
  readonly unread: number;
  readonly unreadExact: boolean;
  /** Delivered and not settled: pending, handed back or parked. */
  readonly open: number;
}

/** Plain JSON, the same as `throughline component retire --json` prints. */
export interface Retirement {
  readonly component: string;
  /** Null where the whole component is retired. */
  readonly channel: string | null;
  readonly groups: readonly RetiredGroup[];
}

export interface RetireOptions {
  /** Only its group on this channel. Default: all that it has, and its name in the namespace's description. */
  readonly channel?: string;
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
}

/** Removes what a component has on one partition, or in the namespace's description. */
export interface Retirer {
  /** A member that lives and would make the groups again; undefined when it is done. @throws {StoreError} */
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
 * Its state, its settlement log and its dead letters stay.
 * @throws {ConfigError} when there is nothing of it, or when it lives: its members would make the groups again
 */
export async function retire(
  inspector: Inspector,
  retirer: Retirer,
  component: string,
  { channel, dryRun = false }: RetireOptions = {},
): Promise<Retirement> {
  const catalogue = await inspector.catalogue();
  const described = catalogue?.components.get(component);
  const { components, partitions } = await readStatus(inspector);
  const standing = components.filter((one) => one.component === component);
  const groups = standing.flatMap(({ partition, channels }) =>
    channels.filter((one) => channel === undefined || one.channel === channel).map((one) => groupOf(partition, one)),
  );
  if (groups.length === 0 && (channel !== undefined || described === undefined)) throw unknown(component, channel);
  refuseLive(component, channel, standing);
  const isWhole = channel === undefined;
  if (!dryRun) {
    // Where a group is gone there may be records to make it again from.
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

function refuseLive(component: string, channel: string | undefined, standing: readonly ComponentStatus[]): void {
  for (const { members, channels } of standing) {
    const member = members.find(({ live }) => live)?.member;
    if (member === undefined) continue;
    if (channel !== undefined && channels.every((one) => one.channel !== channel || one.dropped)) continue;
    throw alive(component, channel, member);
  }
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
