/** How each component stands with an event. */

import type { VNode } from "preact";
import type { FailedRun, Standing, StepSettlement } from "../../../index.ts";
import type { StoryRow } from "../../shapes.ts";
import { addressOf } from "../location.ts";
import { lasted } from "./numbers.ts";
import { Text } from "./text.tsx";

interface StandingsProps {
  readonly node: StoryRow;
  readonly settlementOf: (component: string) => StepSettlement | undefined;
  /** The time of the look, epoch ms. */
  readonly at: number;
}

export function Standings({ node, settlementOf, at }: StandingsProps): VNode {
  if (node.standings.length === 0) return <p class="quiet">No component consumes this channel.</p>;
  return (
    <ul aria-label="Components">
      {node.standings.map((standing) => (
        <li key={standing.component}>
          <a href={addressOf(["component", standing.component])}>{standing.component}</a>:{" "}
          <StandingText standing={standing} event={node.event} settlement={settlementOf(standing.component)} at={at} />
          <FailedRuns runs={settlementOf(standing.component)?.failed ?? []} appendedAt={node.event.appendedAt} />
        </li>
      ))}
    </ul>
  );
}

interface StandingTextProps {
  readonly standing: Standing;
  readonly event: StoryRow["event"];
  readonly settlement: StepSettlement | undefined;
  readonly at: number;
}

function StandingText({ standing, event, settlement, at }: StandingTextProps): VNode {
  const due = (dueAt: number | null): string => {
    if (dueAt === null) return "";
    return dueAt > at ? `, due in ${lasted(dueAt - at)}` : `, overdue by ${lasted(at - dueAt)}`;
  };
  switch (standing.state) {
    case "settled":
      return (
        <>
          <span class="good-text">{settledText(settlement, event.appendedAt)}</span>
          {settlement?.isTakenOver === true ? <span class="warn-text">, taken over from another member</span> : null}
          {settlement === undefined || settlement.member === "" ? null : (
            <span class="quiet">
              {" "}
              by <Text of={settlement.member} most={60} />
            </span>
          )}
        </>
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

function settledText(settlement: StepSettlement | undefined, appendedAt: number): string {
  const { settledAt = null, attempt = 0 } = settlement ?? {};
  const after = settledAt === null ? "" : ` after ${lasted(Math.max(0, settledAt - appendedAt))}`;
  return `settled${after}${attempt > 1 ? `, at attempt ${attempt}` : ""}`;
}

/** How a run ended, as a sentence goes on. */
const endings: Readonly<Record<FailedRun["outcome"], string>> = {
  retried: "failed",
  conflict: "met a change of its state by another, and ran again,",
  deadLettered: "failed for good",
  owner_lost: "was lost with its owner",
};

function FailedRuns({
  runs,
  appendedAt,
}: {
  readonly runs: readonly FailedRun[];
  readonly appendedAt: number;
}): VNode | null {
  if (runs.length === 0) return null;
  return (
    <ol aria-label="Attempts that failed">
      {runs.map(({ outcome, startedAt, endedAt, attempt, member, isTakenOver, error }) => (
        <li key={`${attempt} ${startedAt}`}>
          Attempt {attempt}
          {isTakenOver ? ", taken over," : ""} <span class="bad-text">{endings[outcome]}</span> at{" "}
          {lasted(Math.max(0, endedAt - appendedAt))}, after {lasted(Math.max(0, endedAt - startedAt))}
          {member === "" ? "" : [" at ", <Text key="member" of={member} most={60} />]}
          {error === "" ? "" : [": ", <Text key="error" of={error} most={300} />]}
        </li>
      ))}
    </ol>
  );
}
