/** The layout of the flow's graph: by dagre, from the wiring alone, so that numbers that change move nothing. */

import { Graph, layout } from "@dagrejs/dagre";

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

export function layoutOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): GraphLayout {
  const graph = new Graph({ multigraph: false });
  const isLarge = nodes.length > 60;
  graph.setGraph({ rankdir: "LR", nodesep: isLarge ? 8 : 26, ranksep: 22, edgesep: 12, marginx: 14, marginy: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, name } of nodes) {
    graph.setNode(id, { width: Math.min(260, Math.max(158, name.length * 8 + 28)), height: rowHeight });
  }
  for (const { from, to } of edges) graph.setEdge(from, to, { width: 78, height: 30, labelpos: "c" });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { readonly width?: number; readonly height?: number };
  return {
    width,
    height,
    nodes: new Map(nodes.map(({ id }) => [id, graph.node(id) as unknown as Placed])),
    edges: new Map(
      edges.map((edge) => {
        const { points, x, y } = graph.edge(edge.from, edge.to) as unknown as {
          readonly points: readonly { readonly x: number; readonly y: number }[];
          readonly x: number;
          readonly y: number;
        };
        return [edgeId(edge), { path: pathOf(points), x, y }];
      }),
    ),
  };
}

/** A smooth line through the middles of the points' connections. */
function pathOf(points: readonly { readonly x: number; readonly y: number }[]): string {
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
