/** The layout of the flow's graph: by dagre, from the wiring alone, so that numbers that change move nothing. */

import { type EdgeLabel, Graph, type GraphLabel, layout, type NodeLabel, type Point } from "@dagrejs/dagre";

export interface GraphNode {
  readonly id: string;
  readonly name: string;
  readonly kind: "channel" | "component" | "source";
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<string, Placed>;
  /** Points of each edge, by `from to`, and the middle for its label. */
  readonly edges: ReadonlyMap<string, { readonly path: string; readonly x: number; readonly y: number }>;
}

const rowHeight = 58;

export function edgeId({ from, to }: GraphEdge): string {
  return `${from} ${to}`;
}

/** `isNarrow`: from top to bottom, for a screen on which a row of nodes has no room. */
export function layoutOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[], isNarrow: boolean): GraphLayout {
  const graph = new Graph<GraphLabel, NodeLabel, EdgeLabel>({ multigraph: false });
  const gap = nodes.length > 60 ? 8 : isNarrow ? 12 : 26;
  const room = isNarrow ? { ranksep: 14, marginx: 4 } : { ranksep: 22, marginx: 14 };
  graph.setGraph({ rankdir: isNarrow ? "TB" : "LR", nodesep: gap, edgesep: isNarrow ? 4 : 12, ...room, marginy: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, name } of nodes) {
    const width = isNarrow ? Math.max(112, name.length * 8.2 + 14) : Math.max(158, name.length * 8 + 28);
    graph.setNode(id, { width: Math.min(260, width), height: rowHeight });
  }
  for (const { from, to } of edges) graph.setEdge(from, to, { width: isNarrow ? 48 : 78, height: 30, labelpos: "c" });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: new Map(
      nodes.map(({ id }) => {
        const { x = 0, y = 0, ...size } = graph.node(id);
        return [id, { x, y, width: size.width, height: size.height }];
      }),
    ),
    edges: new Map(
      edges.map((edge) => {
        const { points = [], x = 0, y = 0 } = graph.edge(edge.from, edge.to);
        return [edgeId(edge), { path: pathOf(points), x, y }];
      }),
    ),
  };
}

/** A smooth line through the middles of the points' connections. */
function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i + 1 < rest.length; i++) {
    const [a, b] = [rest[i], rest[i + 1]];
    if (a !== undefined && b !== undefined) path += ` Q${a.x},${a.y} ${(a.x + b.x) / 2},${(a.y + b.y) / 2}`;
  }
  return `${path} L${last.x},${last.y}`;
}
