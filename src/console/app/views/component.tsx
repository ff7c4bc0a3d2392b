/** The view of a component: its partitions with owner and position, its members, and how it goes over time. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { AttemptCounts, ConsumptionStatus } from "../../../index.ts";
import type { AttemptsNews, Flow, FlowPartition, Sample } from "../../shapes.ts";
import { type Looked, useStream } from "../live.ts";
import { addressOf, type Route } from "../location.ts";
import { Chart } from "../parts/chart.tsx";
import { ago, counted, lasted } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";
import { useSamples } from "../samples.ts";

interface ComponentViewProps {
  readonly route: Route;
  readonly look: Looked;
}

export function ComponentView({ route, look }: ComponentViewProps): VNode {
  const name = route.path[1] ?? "";
  const samples = useSamples(look, { component: name });
  const { flow } = look;
  if (flow === undefined) return <p class="quiet">Looking …</p>;
  const found = flow.components.find(({ component }) => component === name);
  if (found === undefined) return <p class="note warn">No component of this name has ever run.</p>;
  const published = flow.edges.filter(({ kind, component }) => kind === "publishes" && component === name);
  return (
    <>
      {found.problems.map((text) => (
        <p key={text} class="note bad">
          {text}
        </p>
      ))}
      <p>
        Publishes to{" "}
        {published.length === 0
          ? "nothing so far"
          : published.map(({ channel }, i) => (
              <span key={channel}>
                {i === 0 ? "" : ", "}
                <a href={addressOf(["channel", channel])}>{channel}</a>
              </span>
            ))}
        . <a href={addressOf(["dead"], { component: name })}>Its dead letters</a>
      </p>
      <OverTime component={name} samples={samples} />
      <h2 id="partitions">Partitions</h2>
      <Partitions flow={flow} partitions={found.partitions} />
      <h2 id="members">Members</h2>
      <Members flow={flow} component={name} />
    </>
  );
}

/** Most stretches that the chart shows: an hour of them. */
const maxStretches = 360;

/** The runs of the handlers by how they ended, as the settlement log tells: also of before somebody looked. */
function Attempts({ component }: { readonly component: string }): VNode {
  const [{ everyMs, counts }, setNews] = useState<AttemptsNews>({ everyMs: 10_000, counts: [] });
  useStream(`/api/components/${encodeURIComponent(component)}/attempts`, {
    attempts: (news: AttemptsNews) =>
      setNews((before) => {
        const first = news.counts[0]?.at ?? Number.POSITIVE_INFINITY;
        const kept = before.counts.filter(({ at }) => at < first);
        return { ...news, counts: [...kept, ...news.counts].slice(-maxStretches) };
      }),
  });
  // The stretch that has not ended yet would look like a fall.
  const ended = counts.slice(0, -1);
  const rate = (of: (one: AttemptCounts) => number): readonly number[] =>
    ended.map((one) => (of(one) * 1_000) / everyMs);
  return (
    <Chart
      title="Attempts a second, by how they ended"
      times={ended.map(({ at }) => at)}
      series={[
        { name: "settled", color: "good", values: rate(({ settled }) => settled) },
        { name: "failed", color: "warn", values: rate(({ retried, conflicts }) => retried + conflicts) },
        { name: "dead or lost", color: "bad", values: rate(({ deadLettered, ownerLost }) => deadLettered + ownerLost) },
      ]}
    />
  );
}

/** What the edges of the component had together, moment by moment. */
function OverTime({ component, samples }: { readonly component: string; readonly samples: readonly Sample[] }): VNode {
  const sums = samples.map(({ at, edges }) => {
    const own = Object.entries(edges).flatMap(([name, numbers]) => (name.endsWith(`>${component}`) ? [numbers] : []));
    const sum = (of: (one: (typeof own)[number]) => number): number => own.reduce((all, one) => all + of(one), 0);
    return {
      at,
      finished: sum(({ perSecond }) => perSecond ?? 0),
      waiting: sum(({ lag }) => lag),
      inFlight: sum(({ pending }) => pending),
      parked: sum(({ parked }) => parked),
      dead: sum(({ deadLetters }) => deadLetters),
    };
  });
  const times = sums.map(({ at }) => at);
  return (
    <div class="pair">
      <Chart
        title="Finished a second"
        times={times}
        series={[{ name: "entries/s", color: "good", values: sums.map(({ finished }) => finished) }]}
      />
      <Attempts component={component} />
      <Chart
        title="Open"
        times={times}
        series={[
          { name: "in flight", color: "accent", values: sums.map(({ inFlight }) => inFlight) },
          { name: "parked for another attempt", color: "warn", values: sums.map(({ parked }) => parked) },
          { name: "dead letters", color: "bad", values: sums.map(({ dead }) => dead) },
        ]}
      />
      <Chart
        title="Entries that wait"
        times={times}
        series={[{ name: "lag", color: "warn", values: sums.map(({ waiting }) => waiting) }]}
      />
    </div>
  );
}

function Partitions({
  flow,
  partitions,
}: {
  readonly flow: Flow;
  readonly partitions: readonly FlowPartition[];
}): VNode {
  return (
    <Table
      name={{ headedBy: "partitions" }}
      columns={[
        "partition",
        "owner",
        "epoch",
        "since",
        "stands by",
        "channel",
        "position",
        ...["lag", "oldest", "in flight", "parked", "dead"].map((number) => ({ number })),
      ]}
    >
      {partitions.flatMap((partition) =>
        partition.channels.map((position, i) => (
          <PositionRow
            key={`${partition.partition} ${position.channel}`}
            partition={partition}
            position={position}
            isFirst={i === 0}
            at={flow.at}
          />
        )),
      )}
    </Table>
  );
}

interface PositionRowProps {
  readonly partition: FlowPartition;
  readonly position: ConsumptionStatus;
  readonly isFirst: boolean;
  /** The time of the look, epoch ms. */
  readonly at: number;
}

function PositionRow({ partition: one, position, isFirst, at }: PositionRowProps): VNode {
  const { channel, lagEntries, lagExact, lagMs, pending, oldestPendingMs, parked, deadLetters } = position;
  const oldestMs = Math.max(lagMs, oldestPendingMs);
  return (
    <tr>
      <td>{isFirst ? one.partition : ""}</td>
      <td class={one.state === "served" ? "" : "bad-text"}>
        {isFirst ? (
          <Text
            of={one.owner === null ? one.state : `${one.owner.member}${one.state === "served" ? "" : ", silent"}`}
            most={60}
          />
        ) : (
          ""
        )}
      </td>
      <td class="code">{isFirst ? (one.owner?.epoch ?? "-") : ""}</td>
      <td>{isFirst ? ago(one.owner?.since ?? null, at) : ""}</td>
      <td>
        {isFirst ? <Text of={one.standBy.length === 0 ? "-" : one.standBy.slice(0, 3).join(", ")} most={80} /> : ""}
      </td>
      <td>
        <a href={addressOf(["channel", channel])}>{channel}</a>
      </td>
      <td class="code">{position.position}</td>
      <td class="number">
        {lagExact ? "" : "over "}
        {counted(lagEntries)}
      </td>
      <td class="number">{oldestMs === 0 ? "-" : lasted(oldestMs)}</td>
      <td class="number">{counted(pending)}</td>
      <td class="number">{counted(parked)}</td>
      <td class="number">{deadLetters === 0 ? "0" : <span class="bad-text">{counted(deadLetters)}</span>}</td>
    </tr>
  );
}

function Members({ flow, component }: { readonly flow: Flow; readonly component: string }): VNode {
  const members = flow.members.filter((one) => one.component === component);
  if (members.length === 0) return <p>No member lives, and none was silent lately.</p>;
  return (
    <Table name={{ headedBy: "members" }} columns={["member", "host", "process", "started", "last seen", "owns"]}>
      {members.map(({ member, host, pid, startedAt, lastSeenAt, live, owned }) => (
        <tr key={member}>
          <td>
            <Text of={member} most={80} />
          </td>
          <td>
            <Text of={host ?? "-"} most={60} />
          </td>
          <td>{pid ?? "-"}</td>
          <td>{ago(startedAt, flow.at)}</td>
          <td class={live ? "" : "bad-text"}>
            {ago(lastSeenAt, flow.at)}
            {live ? "" : ", silent"}
          </td>
          <td>{owned.length > 0 ? owned.join(", ") : live ? "stands by" : "-"}</td>
        </tr>
      ))}
    </Table>
  );
}
