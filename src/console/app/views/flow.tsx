/** The view of the flow: the graph, what is wrong, and the same as tables. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Flow, FlowEdge } from "../../shapes.ts";
import type { Looked } from "../live.ts";
import { addressOf } from "../location.ts";
import { conditionOf, FlowGraph } from "../parts/graph.tsx";
import { ago, counted, lasted, rated } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";

/** More nodes than this are shown with a filter. */
const manyNodes = 30;

export function FlowView({ look }: { readonly look: Looked }): VNode {
  const [filter, setFilter] = useState("");
  const [onlyWrong, setOnlyWrong] = useState(false);
  const { flow } = look;
  if (flow === undefined) return <p class="quiet">{look.problem === "" ? "Looking …" : "Nothing was seen yet."}</p>;
  const wrong = wrongOf(flow);
  const isShown = (name: string): boolean => name.includes(filter.trim()) && (!onlyWrong || wrong.has(name));
  const nodes = flow.channels.length + flow.components.length;
  return (
    <>
      <Problems flow={flow} />
      {nodes > manyNodes || filter !== "" || onlyWrong ? (
        <div class="bar">
          <label>
            Show names with{" "}
            <input value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} size={18} />
          </label>
          <label>
            <input
              type="checkbox"
              checked={onlyWrong}
              onChange={({ currentTarget }) => setOnlyWrong(currentTarget.checked)}
            />{" "}
            only where something is wrong or slow
          </label>
        </div>
      ) : null}
      {nodes === 0 ? (
        <p>The namespace is described, and has no channel yet: publish an event, or start a component.</p>
      ) : (
        <FlowGraph flow={flow} shown={isShown} />
      )}
      <div class="pair">
        <Channels flow={flow} shown={isShown} />
        <Consumption flow={flow} shown={isShown} />
      </div>
      {flow.sources.length === 0 ? null : <Sources flow={flow} />}
      <p class="quiet">
        Looked at {new Date(flow.at).toISOString().slice(11, 19)} (UTC), in {flow.tookMs} ms; again in{" "}
        {lasted(flow.pauseMs)}.
      </p>
    </>
  );
}

/** The names of channels and components that stand out. */
function wrongOf({ channels, components, edges }: Flow): ReadonlySet<string> {
  return new Set([
    ...channels.flatMap(({ channel, problems }) => (problems.length > 0 ? [channel] : [])),
    ...components.flatMap(({ component, problems }) => (problems.length > 0 ? [component] : [])),
    ...edges.flatMap((edge) => (conditionOf(edge) === "well" ? [] : [edge.channel, edge.component])),
  ]);
}

/** Sentences about what is wrong, so that nobody has to search for it. */
function Problems({ flow }: { readonly flow: Flow }): VNode | null {
  const rows = [
    ...flow.channels.flatMap(({ channel, problems }) => problems.map((text) => ({ path: ["channel", channel], text }))),
    ...flow.components.flatMap(({ component, problems }) =>
      problems.map((text) => ({ path: ["component", component], text })),
    ),
    ...flow.sources.flatMap(({ source, channel, problems }) =>
      problems.map((text) => ({ path: ["channel", channel], text: `source ${source}: ${text}` })),
    ),
  ];
  if (rows.length === 0) return null;
  const most = 12;
  return (
    <ul class="note bad" aria-label="What is wrong">
      {rows.slice(0, most).map(({ path, text }) => (
        <li key={`${path.join("/")} ${text}`}>
          <a href={addressOf(path)}>{path[1]}</a>: {text}
        </li>
      ))}
      {rows.length > most ? <li>and {rows.length - most} more</li> : null}
    </ul>
  );
}

function Sources({ flow }: { readonly flow: Flow }): VNode {
  return (
    <section>
      <h2 id="sources">Sources</h2>
      <Table
        name={{ headedBy: "sources" }}
        columns={["source", "channel", "partition", "run by", "read up to", "written"]}
      >
        {flow.sources.flatMap(({ source, channel, runs }) =>
          runs.map(({ partition, owner, position, positionAt }) => (
            <tr key={`${source} ${partition}`}>
              <td>{source}</td>
              <td>
                <a href={addressOf(["channel", channel])}>{channel}</a>
              </td>
              <td>{partition}</td>
              <td class={owner === null ? "bad-text" : ""}>
                <Text of={owner?.member ?? "nobody"} most={60} />
              </td>
              <td class="wide code">
                <Text of={position ?? "-"} most={80} />
              </td>
              <td>{ago(positionAt, flow.at)}</td>
            </tr>
          )),
        )}
      </Table>
    </section>
  );
}

function Channels({ flow, shown }: { readonly flow: Flow; readonly shown: (name: string) => boolean }): VNode {
  return (
    <section>
      <h2 id="channels">Channels</h2>
      <Table
        name={{ headedBy: "channels" }}
        columns={["channel", ...["appended", "entries", "last"].map((number) => ({ number }))]}
      >
        {flow.channels
          .filter(({ channel }) => shown(channel))
          .map(({ channel, perSecond, entries, lastAppendAt }) => (
            <tr key={channel}>
              <td>
                <a href={addressOf(["channel", channel])}>{channel}</a>
              </td>
              <td class="number">{rated(perSecond)}</td>
              <td class="number">{counted(entries)}</td>
              <td class="number">{ago(lastAppendAt, flow.at)}</td>
            </tr>
          ))}
      </Table>
    </section>
  );
}

function Consumption({ flow, shown }: { readonly flow: Flow; readonly shown: (name: string) => boolean }): VNode {
  const rows = flow.edges.filter(
    ({ kind, channel, component }) => kind === "consumes" && (shown(channel) || shown(component)),
  );
  return (
    <section>
      <h2 id="consumption">Consumption</h2>
      <Table
        name={{ headedBy: "consumption" }}
        columns={[
          "component",
          "channel",
          ...["finished", "lag", "oldest", "in flight", "parked", "dead"].map((number) => ({ number })),
        ]}
      >
        {rows.map((edge) => (
          <ConsumptionRow key={`${edge.component} ${edge.channel}`} edge={edge} />
        ))}
      </Table>
    </section>
  );
}

function ConsumptionRow({ edge }: { readonly edge: FlowEdge }): VNode {
  const { component, channel, perSecond, lag, lagExact, oldestMs, pending, parked, deadLetters } = edge;
  const isSlow = conditionOf(edge) === "slow";
  return (
    <tr>
      <td>
        <a href={addressOf(["component", component])}>{component}</a>
      </td>
      <td>
        <a href={addressOf(["channel", channel])}>{channel}</a>
      </td>
      <td class="number">{rated(perSecond)}</td>
      <td class="number">
        {lagExact ? "" : "over "}
        {counted(lag)}
      </td>
      <td class={`number ${isSlow ? "warn-text" : ""}`}>{oldestMs === 0 ? "-" : lasted(oldestMs)}</td>
      <td class="number">{counted(pending)}</td>
      <td class="number">{counted(parked)}</td>
      <td class="number">
        {deadLetters === 0 ? (
          "0"
        ) : (
          <a class="bad-text" href={addressOf(["dead"], { channel, component })}>
            {counted(deadLetters)}
          </a>
        )}
      </td>
    </tr>
  );
}
