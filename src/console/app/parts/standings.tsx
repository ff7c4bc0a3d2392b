/** How each component stands with an event. */

import type { VNode } from "preact";
import type { Standing } from "../../../index.ts";
import type { StoryRow } from "../../shapes.ts";
import { addressOf } from "../location.ts";
import { lasted } from "./numbers.ts";
import { Text } from "./text.tsx";

interface StandingsProps {
  readonly node: StoryRow;
  readonly settledAt: (component: string) => number | undefined;
  /** The time of the look, epoch ms. */
  readonly at: number;
}

export function Standings({ node, settledAt, at }: StandingsProps): VNode {
  if (node.standings.length === 0) return <p class="quiet">No component consumes this channel.</p>;
  return (
    <ul aria-label="Components">
      {node.standings.map((standing) => (
        <li key={standing.component}>
          <a href={addressOf(["component", standing.component])}>{standing.component}</a>:{" "}
          <StandingText standing={standing} event={node.event} settledAt={settledAt(standing.component)} at={at} />
        </li>
      ))}
    </ul>
  );
}

interface StandingTextProps {
  readonly standing: Standing;
  readonly event: StoryRow["event"];
  readonly settledAt: number | undefined;
  readonly at: number;
}

function StandingText({ standing, event, settledAt, at }: StandingTextProps): VNode {
  const due = (dueAt: number | null): string => {
    if (dueAt === null) return "";
    return dueAt > at ? `, due in ${lasted(dueAt - at)}` : `, overdue by ${lasted(at - dueAt)}`;
  };
  switch (standing.state) {
    case "settled":
      return (
        <span class="good-text">
          settled{settledAt === undefined ? "" : ` after ${lasted(Math.max(0, settledAt - event.appendedAt))}`}
        </span>
      );
    case "unread":
      return <span class="warn-text">has not read it</span>;
    case "pending":
      return (
        <span class="warn-text">
          in flight {standing.member === "" ? "without an owner" : `at ${standing.member}`}, attempt {standing.attempt}
          {due(standing.dueAt)}
        </span>
      );
    case "parked":
      return (
        <span class="warn-text">
          parked after attempt {standing.attempt}
          {due(standing.dueAt)}
        </span>
      );
    case "dead":
      return (
        <span class="bad-text">
          <a
            href={addressOf(["dead"], {
              channel: event.channel,
              component: standing.component,
              letter: standing.deadLetterId,
            })}
          >
            dead letter
          </a>{" "}
          after {standing.attempts} attempts: {standing.code} <Text of={standing.error} />
        </span>
      );
  }
}
