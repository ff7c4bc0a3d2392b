/** Steps of a story as a tree and as bars on one time axis. */

import type { VNode } from "preact";
import type { Story, StoryRow } from "../../shapes.ts";
import { lasted } from "./numbers.ts";
import { Text } from "./text.tsx";

/** The name of a step in the address. */
export function nameOf({ event: { channel, partition, entryId } }: StoryRow): string {
  return `${channel}/${partition}/${entryId}`;
}

/** The name of a settlement in the story. */
export function settlementName({ event: { channel, partition, entryId } }: StoryRow, component: string): string {
  return `${component} ${partition}/${channel}/${entryId}`;
}

interface StepRowProps {
  readonly node: StoryRow;
  readonly story: Story;
  readonly begin: number;
  readonly end: number;
  readonly isChosen: boolean;
  readonly choose: (step: string) => void;
}

export function StepRow({ node, story, begin, end, isChosen, choose }: StepRowProps): VNode {
  const { event, level, sinceBeginningMs, asked, standings, replays } = node;
  const part = (ms: number): number => ((ms - begin) / (end - begin)) * 1_000;
  const x = part(event.appendedAt);
  const parts = standings.map((standing) => {
    const settled = story.settledAt[settlementName(node, standing.component)];
    return { ...standing, to: settled ?? (standing.state === "settled" ? undefined : end) };
  });
  const text = [
    ...parts.map(({ component, state, to }) =>
      to !== undefined && (state === "settled" || state === "dead")
        ? `${component} ${state} after ${lasted(to - event.appendedAt)}`
        : `${component} ${state}`,
    ),
    ...(replays.length > 0 ? [`${replays.length} replays`] : []),
  ].join(", ");
  const height = Math.max(1, parts.length);
  return (
    <tr class={isChosen ? "new" : ""}>
      <td class="wide" style={{ paddingLeft: `${Math.min(level, 20) * 1.1 + 0.4}rem` }}>
        <button type="button" class="link" aria-pressed={isChosen} onClick={() => choose(nameOf(node))}>
          {asked ? "◀ " : ""}
          {event.channel}
        </button>{" "}
        <span class="quiet">
          <Text of={event.id} most={26} />
        </span>
      </td>
      <td class="number">{level === 0 ? "" : `+${lasted(sinceBeginningMs)}`}</td>
      <td class="axis">
        <svg viewBox={`0 0 1000 ${height * 9}`} preserveAspectRatio="none" aria-hidden="true">
          <title>{text}</title>
          {parts.map(({ component, state, to }, i) => (
            <rect
              key={component}
              class={state === "dead" ? "dead" : to === undefined || state !== "settled" ? "wait" : "span"}
              x={x}
              y={i * 9 + 1}
              width={Math.max(3, part(to ?? event.appendedAt) - x)}
              height={7}
            />
          ))}
          {parts.length === 0 ? <rect class="span" x={Math.min(x, 996)} y={1} width={4} height={7} /> : null}
        </svg>
        <span class="visually-hidden">{text}</span>
      </td>
    </tr>
  );
}
