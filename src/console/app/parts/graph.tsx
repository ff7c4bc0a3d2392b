/** The flow as a graph: channels and components, what flows between them, and what is wrong. */

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Flow, FlowEdge } from "../../shapes.ts";
import { addressOf } from "../location.ts";
import { edgeId, type GraphEdge, type GraphLayout, type GraphNode, layoutOf, type Placed } from "./graph-layout.ts";
import { useNarrow } from "./narrow.ts";
import { counted, lasted, rated } from "./numbers.ts";

/** An edge on which entries wait for so long is slow, ms. */
const slowAfterMs = 5_000;
/** A graph of this width is still legible when a phone's screen has all of it, px. */
const fittingWidth = 620;

/** The condition of an edge: what has died is wrong, what waits long is slow. */
export function conditionOf({ deadLetters, oldestMs, lag, pending, parked }: FlowEdge): "wrong" | "slow" | "well" {
  if (deadLetters > 0) return "wrong";
  return oldestMs > slowAfterMs && lag + pending + parked > 0 ? "slow" : "well";
}

function endsOf({ kind, channel, component }: FlowEdge): GraphEdge {
  const [from, to] = [`c:${channel}`, `p:${component}`];
  return kind === "consumes" ? { from, to } : { from: to, to: from };
}

/** The graph. Its layout changes with the wiring only. `shown`: the nodes that a person has not filtered away. */
export function FlowGraph({ flow, shown }: { readonly flow: Flow; readonly shown: (name: string) => boolean }): VNode {
  const edges = flow.edges.filter(({ channel, component }) => shown(channel) || shown(component));
  const names = new Set(edges.flatMap((edge) => Object.values(endsOf(edge))));
  const channels = flow.channels.filter(({ channel }) => shown(channel) || names.has(`c:${channel}`));
  const components = flow.components.filter(({ component }) => shown(component) || names.has(`p:${component}`));
  const sources = flow.sources.filter(({ source, channel }) => shown(source) || shown(channel));
  const nodes: readonly GraphNode[] = [
    ...channels.map(({ channel }) => ({ id: `c:${channel}`, name: channel, kind: "channel" as const })),
    ...components.map(({ component }) => ({ id: `p:${component}`, name: component, kind: "component" as const })),
    ...sources.map(({ source }) => ({ id: `s:${source}`, name: source, kind: "source" as const })),
  ];
  const known = new Set(nodes.map(({ id }) => id));
  const drawn = edges.filter((edge) => Object.values(endsOf(edge)).every((id) => known.has(id)));
  const brought = sources
    .map(({ source, channel }) => ({ from: `s:${source}`, to: `c:${channel}` }))
    .filter(({ to }) => known.has(to));
  const isNarrow = useNarrow();
  const wiring = JSON.stringify([nodes, [...drawn.map(endsOf), ...brought]]);
  const placed = useMemo(() => {
    const [wiredNodes, wiredEdges] = JSON.parse(wiring) as [readonly GraphNode[], readonly GraphEdge[]];
    return layoutOf(wiredNodes, wiredEdges, isNarrow);
  }, [wiring, isNarrow]);

  return (
    <section
      class={`graph ${isNarrow && placed.width <= fittingWidth ? "fitted" : ""}`}
      aria-label="Channels and components as a graph; the tables below say the same"
    >
      <svg width={placed.width} height={placed.height} viewBox={`0 0 ${placed.width} ${placed.height}`}>
        <title>Graph of channels and components</title>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0,0 L8,4 L0,8 z" fill="context-stroke" />
          </marker>
        </defs>
        {drawn.map((edge) => (
          <EdgeLine key={edgeId(endsOf(edge))} edge={edge} placed={placed.edges.get(edgeId(endsOf(edge)))} />
        ))}
        {brought.map((edge) => (
          <path key={edgeId(edge)} class="edge" d={placed.edges.get(edgeId(edge))?.path} marker-end="url(#arrow)" />
        ))}
        {sources.map(({ source, channel, runs, problems }) => (
          <NodeBox
            key={`s:${source}`}
            address={addressOf(["channel", channel])}
            name={source}
            kind="source"
            text={`source, ${runs.filter(({ owner }) => owner !== null).length} of ${runs.length} run`}
            problem={problems[0]}
            placed={placed.nodes.get(`s:${source}`)}
          />
        ))}
        {channels.map(({ channel, entries, perSecond, problems }) => (
          <NodeBox
            key={`c:${channel}`}
            address={addressOf(["channel", channel])}
            name={channel}
            kind="channel"
            text={`${rated(perSecond)} · ${counted(entries)}${isNarrow ? "" : " entries"}`}
            problem={problems[0]}
            placed={placed.nodes.get(`c:${channel}`)}
          />
        ))}
        {components.map(({ component, partitions, problems }) => {
          const owned = partitions.filter(({ state }) => state === "served").length;
          return (
            <NodeBox
              key={`p:${component}`}
              address={addressOf(["component", component])}
              name={component}
              kind="component"
              text={`${owned} of ${partitions.length} ${isNarrow ? "" : "partitions "}owned`}
              problem={problems[0]}
              placed={placed.nodes.get(`p:${component}`)}
            />
          );
        })}
      </svg>
    </section>
  );
}

interface NodeBoxProps {
  readonly address: string;
  readonly name: string;
  readonly kind: GraphNode["kind"];
  readonly text: string;
  readonly problem: string | undefined;
  readonly placed: Placed | undefined;
}

function NodeBox({ address, name, kind, text, problem, placed }: NodeBoxProps): VNode | null {
  if (placed === undefined) return null;
  const { x, y, width, height } = placed;
  const most = Math.floor((width - 16) / 7.4);
  return (
    <a href={address} class={`${kind} ${problem === undefined ? "" : "wrong"}`}>
      <title>{`${kind} ${name}: ${problem ?? text}`}</title>
      <rect
        class="box"
        x={x - width / 2}
        y={y - height / 2}
        width={width}
        height={height}
        rx={kind === "channel" ? height / 2 : 6}
      />
      <text class="name" x={x} y={y - 4} text-anchor="middle">
        {name.length > most ? `${name.slice(0, most - 1)}…` : name}
      </text>
      <text class={`small ${problem === undefined ? "" : "wrong"}`} x={x} y={y + 14} text-anchor="middle">
        {problem === undefined ? text : "⚠ look here"}
      </text>
    </a>
  );
}

function EdgeLine({
  edge,
  placed,
}: {
  readonly edge: FlowEdge;
  readonly placed: ReturnType<GraphLayout["edges"]["get"]>;
}): VNode | null {
  if (placed === undefined) return null;
  const { kind, perSecond, lag, lagExact, oldestMs, deadLetters } = edge;
  const condition = conditionOf(edge);
  const isFlowing = kind === "consumes" && (perSecond ?? 0) > 0;
  const lines =
    kind === "publishes"
      ? []
      : [
          rated(perSecond),
          deadLetters > 0
            ? `${counted(deadLetters)} dead`
            : lag > 0
              ? `${lagExact ? "" : ">"}${counted(lag)} wait · ${lasted(oldestMs)}`
              : oldestMs > 1_000
                ? `oldest ${lasted(oldestMs)}`
                : "",
        ];
  return (
    <g>
      <path
        class={`edge ${condition === "well" ? (isFlowing ? "flowing" : "") : condition}`}
        d={placed.path}
        marker-end="url(#arrow)"
      />
      {lines.map((line, i) => (
        <text
          key={i === 0 ? "rate" : "lag"}
          class={`small halo ${i === 1 ? condition : ""}`}
          x={placed.x}
          y={placed.y - 4 + i * 13}
          text-anchor="middle"
        >
          {line}
        </text>
      ))}
    </g>
  );
}
