/** Steps of a story as a tree and as bars on one time axis: what waited, each run of a handler, failed ones and takeovers. */

import type { VNode } from "preact";
import type { Standing, StepSettlement } from "../../../index.ts";
import type { Story, StoryRow } from "../../shapes.ts";
import { lasted } from "./numbers.ts";
import { Text } from "./text.tsx";

/** The name of a step in the address. */
export function nameOf({ event: { channel, partition, entryId } }: StoryRow): string {
  return `${channel}/${partition}/${entryId}`;
}

/** How a component settled a step; undefined where its log does not tell. */
export function settlementOf(story: Story, { event }: StoryRow, component: string): StepSettlement | undefined {
  return story.settlements[`${component} ${event.partition}/${event.channel}/${event.entryId}`];
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
  const width = Math.max(1, end - begin); // greater times than numbers hold exactly may be one
  const scale = (ms: number): number => Math.min(1_000, Math.max(0, ((ms - begin) / width) * 1_000));
  const parts = standings.map((standing) => ({ standing, settlement: settlementOf(story, node, standing.component) }));
  const text = [
    ...parts.map(({ standing, settlement }) => textOf(standing, settlement, event.appendedAt)),
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
          {parts.map(({ standing, settlement }, i) => (
            <g key={standing.component} transform={`translate(0 ${i * 9})`}>
              {barsOf(standing, settlement, event.appendedAt, end).map(({ kind, from, to }) => (
                <rect
                  key={`${kind} ${from}`}
                  class={kind}
                  x={Math.min(scale(from), 997)}
                  y={kind === "taken" ? 0 : kind === "wait" ? 3 : 1}
                  width={kind === "taken" ? 3 : Math.max(3, scale(to) - scale(from))}
                  height={kind === "taken" ? 9 : kind === "wait" ? 3 : 7}
                />
              ))}
            </g>
          ))}
          {parts.length === 0 ? (
            <rect class="span" x={Math.min(scale(event.appendedAt), 996)} y={1} width={4} height={7} />
          ) : null}
        </svg>
        <span class="visually-hidden">{text}</span>
      </td>
    </tr>
  );
}

interface Bar {
  readonly kind: "wait" | "span" | "failed" | "taken";
  readonly from: number;
  readonly to: number;
}

/** What waits from the append on, and over it the runs of the handler. */
function barsOf(
  standing: Standing,
  settlement: StepSettlement | undefined,
  appendedAt: number,
  end: number,
): readonly Bar[] {
  const isSettled = standing.state === "settled";
  const { settledAt = null, startedAt = null, isTakenOver = false, failed = [] } = settlement ?? {};
  // Where the log does not tell when, nothing is drawn but the append.
  const until = settledAt ?? (isSettled ? appendedAt : end);
  const runs = failed.map(({ startedAt: from, endedAt }): Bar => ({ kind: "failed", from, to: endedAt }));
  const taken = failed
    .filter((one) => one.isTakenOver)
    .map(({ startedAt: from }): Bar => ({ kind: "taken", from, to: from }));
  if (!isSettled) return [{ kind: "wait", from: appendedAt, to: until }, ...runs, ...taken];
  const begun = Math.max(appendedAt, startedAt ?? appendedAt);
  return [
    { kind: "wait", from: appendedAt, to: until },
    ...runs,
    { kind: "span", from: begun, to: until },
    ...taken,
    ...(isTakenOver ? [{ kind: "taken", from: begun, to: begun } as const] : []),
  ];
}

function textOf({ component, state }: Standing, settlement: StepSettlement | undefined, appendedAt: number): string {
  const { settledAt = null, failed = [], isTakenOver = false } = settlement ?? {};
  const after = settledAt === null ? "" : ` after ${lasted(settledAt - appendedAt)}`;
  const retries = failed.length === 0 ? "" : `, with ${failed.length} failed attempts`;
  return `${component} ${state}${after}${retries}${isTakenOver ? ", taken over" : ""}`;
}
