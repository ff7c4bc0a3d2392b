/** Samples of the flow for charts: the server keeps them, and the page makes its own of each look that comes. */

import type { Flow, Sample } from "./shapes.ts";

/** The name of an edge in samples. */
export function edgeName(channel: string, component: string): string {
  return `${channel}>${component}`;
}

/** Undefined until two looks can be compared. */
export function sampleOf({ at, channels, edges }: Pick<Flow, "at" | "channels" | "edges">): Sample | undefined {
  if (channels.every(({ perSecond }) => perSecond === null)) return undefined;
  return {
    at,
    channels: Object.fromEntries(channels.map(({ channel, perSecond }) => [channel, perSecond ?? 0])),
    edges: Object.fromEntries(
      edges.flatMap(({ kind, channel, component, perSecond, lag, pending, parked, deadLetters }) =>
        kind === "publishes" ? [] : [[edgeName(channel, component), { perSecond, lag, pending, parked, deadLetters }]],
      ),
    ),
  };
}
