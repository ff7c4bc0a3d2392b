/** One look at a namespace as the page shows it: partitions summed up, rates by comparison with the look before. */

import type { BackboneStatus, ChannelStatus, ComponentStatus, ConsumptionStatus, SourceStatus } from "../../index.ts";
import { edgeName } from "../samples.ts";
import type { Flow, FlowChannel, FlowComponent, FlowEdge, FlowSource } from "../shapes.ts";

/** What two looks are compared by: entries appended by channel, and entries behind the position by edge. */
export interface Counted {
  readonly at: number;
  readonly appended: ReadonlyMap<string, number>;
  readonly finished: ReadonlyMap<string, number>;
}

export function countedOf({ at, channels, components }: BackboneStatus): Counted {
  const appended = new Map<string, number>();
  const ofStream = new Map<string, number>();
  for (const one of channels) {
    appended.set(one.channel, (appended.get(one.channel) ?? 0) + one.appended);
    ofStream.set(`${one.partition}/${one.channel}`, one.appended);
  }
  const finished = new Map<string, number>();
  for (const { component, partition, channels: consumed } of components) {
    for (const { channel, lagEntries, pending } of consumed) {
      const name = edgeName(channel, component);
      const done = (ofStream.get(`${partition}/${channel}`) ?? 0) - lagEntries - pending;
      finished.set(name, (finished.get(name) ?? 0) + done);
    }
  }
  return { at, appended, finished };
}

/** Sums a status up. `before`: an earlier look, where there is one. */
export function flowOf(status: BackboneStatus, before: Counted | undefined): Omit<Flow, "tookMs" | "pauseMs"> {
  const { at, partitions, members, outputs } = status;
  const counted = countedOf(status);
  const seconds = before === undefined ? 0 : (at - before.at) / 1_000;
  const rate = (now: number | undefined, then: number | undefined): number | null =>
    seconds <= 0 || now === undefined || then === undefined ? null : Math.max(0, (now - then) / seconds);

  const channels = [...Map.groupBy(status.channels, ({ channel }) => channel)].map(
    ([channel, streams]): FlowChannel => {
      const appends = streams.flatMap(({ lastAppendAt }) => (lastAppendAt === null ? [] : [lastAppendAt]));
      return {
        channel,
        entries: streams.reduce((sum, { entries }) => sum + entries, 0),
        perSecond: rate(counted.appended.get(channel), before?.appended.get(channel)),
        lastAppendAt: appends.length === 0 ? null : Math.max(...appends),
        problems: [...new Set(streams.flatMap(damagesOf))],
      };
    },
  );

  const groups = Map.groupBy(status.components, ({ component }) => component);
  const consumes = [...groups].flatMap(([component, rows]): readonly FlowEdge[] =>
    [
      ...Map.groupBy(
        rows.flatMap((row) => row.channels),
        ({ channel }) => channel,
      ),
    ].map(([channel, parts]) => {
      const name = edgeName(channel, component);
      return {
        kind: "consumes",
        component,
        channel,
        perSecond: rate(counted.finished.get(name), before?.finished.get(name)),
        ...sumOf(parts),
      };
    }),
  );
  const publishes = [...groups.keys()].flatMap((component): readonly FlowEdge[] =>
    (outputs[component] ?? []).map((channel) => ({
      kind: "publishes",
      component,
      channel,
      perSecond: null,
      ...nothing,
    })),
  );
  return {
    at,
    partitions,
    channels,
    components: [...groups].map(([component, rows]) => componentOf(component, rows, at)),
    edges: [...consumes, ...publishes],
    sources: [...Map.groupBy(status.sources, ({ source }) => source)].map(([source, runs]) => sourceOf(source, runs)),
    members,
  };
}

const nothing = { lag: 0, lagExact: true, oldestMs: 0, pending: 0, parked: 0, deadLetters: 0 };

function sumOf(parts: readonly ConsumptionStatus[]): Omit<FlowEdge, "kind" | "component" | "channel" | "perSecond"> {
  return parts.reduce(
    (sum, part) => ({
      lag: sum.lag + part.lagEntries,
      lagExact: sum.lagExact && part.lagExact,
      oldestMs: Math.max(sum.oldestMs, part.lagMs, part.oldestPendingMs),
      pending: sum.pending + part.pending,
      parked: sum.parked + part.parked,
      deadLetters: sum.deadLetters + part.deadLetters,
    }),
    nothing,
  );
}

function componentOf(component: string, rows: readonly ComponentStatus[], at: number): FlowComponent {
  return {
    component,
    partitions: rows.map(({ component: _, ...row }) => row),
    problems: [...new Set(rows.flatMap((row) => problemsOf(row, at)))],
  };
}

function sourceOf(source: string, runs: readonly SourceStatus[]): FlowSource {
  return {
    source,
    channel: runs[0]?.channel ?? "",
    runs,
    problems: runs.flatMap(({ partition, owner, standBy }) =>
      owner?.live === true
        ? []
        : [`Nobody runs it for partition ${partition}; ${standBy.length} living members could.`],
    ),
  };
}

function problemsOf(
  { partition, state, standBy, owner, lastSeenAt, channels }: ComponentStatus,
  at: number,
): readonly string[] {
  const seen =
    lastSeenAt === null ? "none was ever seen" : `the last was seen ${Math.round((at - lastSeenAt) / 1_000)} s ago`;
  const problems: string[] = [];
  if (state === "foreign") problems.push("A group of another program: nobody can say who serves it.");
  if (state === "abandoned") problems.push(`Abandoned: no member has lived for long (${seen}), and entries wait.`);
  if (state === "unserved") {
    const why = standBy.length > 0 ? `${standBy.length} living members could take it` : `no member lives; ${seen}`;
    problems.push(`Nobody owns partition ${partition}: ${why}.`);
  }
  if ((owner?.deaths ?? 0) > 1) problems.push(`Partition ${partition} has lost ${owner?.deaths} owners at one entry.`);
  for (const { channel, lost, dropped } of channels) {
    if (lost > 0) problems.push(`${lost} entries of ${channel} were removed before it had them.`);
    if (dropped) problems.push(`It does not subscribe to ${channel} any more, where entries wait for it.`);
  }
  return problems;
}

function damagesOf({ damage: { isBlocked, aheadMs, removedByOthers }, refusal }: ChannelStatus): readonly string[] {
  const problems: string[] = [];
  if (refusal !== null) problems.push(`It cannot be read: ${refusal}.`);
  if (isBlocked) problems.push("Blocked: its last id is the greatest there is, and nothing can be appended.");
  else if (aheadMs > 0) problems.push(`Its last id is ${Math.round(aheadMs / 3_600_000)} h ahead of the clock.`);
  if (removedByOthers > 0) problems.push(`${removedByOthers} entries were removed, and not by retention.`);
  return problems;
}
