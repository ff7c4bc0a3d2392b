/** The view of replays: runs and how far they are, a new one into a shadow, and component replays with their differences. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Run } from "../../../replay.ts";
import type { About, RehearsalState, ReplayList } from "../../shapes.ts";
import type { Looked } from "../live.ts";
import { addressOf, type Place } from "../location.ts";
import { Answer, Problem } from "../parts/notes.tsx";
import { counted, timed } from "../parts/numbers.ts";
import { RehearsalForm, ReplayForm } from "../parts/replay-forms.tsx";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";
import { order, useAnswer } from "../server.ts";
import { DifferenceView } from "./difference.tsx";

/** Runs are asked for so often while the page is seen, ms. */
const everyMs = 1_000;

interface ReplaysViewProps {
  readonly place: Place;
  readonly look: Looked;
  readonly about: About;
}

export function ReplaysView({ place, look, about }: ReplaysViewProps): VNode {
  const chosen = place.path[1];
  const [round, setRound] = useState(0);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setRound((before) => before + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, []);
  const list = useAnswer<ReplayList>("/api/replays", round);
  const act = (address: string, wish: object = {}): void => {
    order(address, wish).then(
      () => {
        setProblem("");
        setRound(round + 1);
      },
      (error: Error) => setProblem(error.message),
    );
  };
  if (chosen !== undefined) return <OneRehearsal id={chosen} round={round} canAct={about.allowActions} act={act} />;
  const channels = look.flow?.channels.map(({ channel }) => channel) ?? [];
  return (
    <>
      {problem === "" ? null : <Problem text={problem} />}
      {about.allowActions ? (
        <div class="pair">
          <ReplayForm channels={channels} begun={() => setRound(round + 1)} />
          <RehearsalForm components={about.rehearsable} begun={() => setRound(round + 1)} />
        </div>
      ) : (
        <p class="note">
          The console only reads. Started with <code>--allow-actions</code>, it begins and cancels replays, too.
        </p>
      )}
      <Answer of={list}>
        {({ runs, rehearsals }) => (
          <>
            <h2 id="runs">Runs into other namespaces</h2>
            {runs.length === 0 ? (
              <p>This namespace was never replayed.</p>
            ) : (
              <Runs runs={runs} canAct={about.allowActions} act={act} />
            )}
            <h2 id="rehearsals">Component replays of this console</h2>
            {rehearsals.length === 0 ? (
              <p>None yet: a component's handlers run over the log, and nothing is published.</p>
            ) : (
              <RehearsalList rehearsals={rehearsals} />
            )}
          </>
        )}
      </Answer>
    </>
  );
}

interface RunsProps {
  readonly runs: readonly Run[];
  readonly canAct: boolean;
  readonly act: (address: string) => void;
}

function Runs({ runs, canAct, act }: RunsProps): VNode {
  return (
    <Table
      name={{ headedBy: "runs" }}
      columns={["run", "from", "into", "state", "entries", "begun (UTC)", canAct && "actions"]}
    >
      {runs.map(({ request, state, entries, error }) => (
        <tr key={request.run}>
          <td class="code">{request.run}</td>
          <td>
            <Text
              of={"recording" in request.source ? request.source.recording : request.channels.join(", ")}
              most={80}
            />
          </td>
          <td>
            <Text of={request.namespace} most={80} />
            {request.live ? <span class="warn-text"> live</span> : null}
          </td>
          <td>
            <span class={state === "failed" ? "bad-text" : state === "running" ? "good-text" : ""}>{state}</span>{" "}
            <Text of={error} />
          </td>
          <td>
            {counted(entries)}
            {request.total === undefined ? "" : ` of ${counted(request.total)}`}{" "}
            {request.total === undefined || request.total === 0 ? null : (
              <progress max={request.total} value={entries} aria-label={`Progress of ${request.run}`} />
            )}
          </td>
          <td>{timed(request.createdAt)}</td>
          {canAct ? (
            <td>
              {state === "running" || state === "queued" || state === "stopped" ? (
                <button type="button" onClick={() => act(addressOf(["api", "replays", request.run, "cancel"]))}>
                  Cancel
                </button>
              ) : null}
            </td>
          ) : null}
        </tr>
      ))}
    </Table>
  );
}

function RehearsalList({ rehearsals }: Pick<ReplayList, "rehearsals">): VNode {
  return (
    <ul aria-labelledby="rehearsals">
      {rehearsals.map(({ id, component, state, startedAt, events }) => (
        <li key={id}>
          <a href={addressOf(["replays", id])}>
            {component}, begun {timed(startedAt)} UTC
          </a>
          : {state}, {counted(events)} events
        </li>
      ))}
    </ul>
  );
}

interface OneRehearsalProps {
  readonly id: string;
  readonly round: number;
  readonly canAct: boolean;
  readonly act: (address: string) => void;
}

function OneRehearsal({ id, round, canAct, act }: OneRehearsalProps): VNode {
  const [isOver, setOver] = useState(false);
  const asked = useAnswer<RehearsalState>(addressOf(["api", "rehearsals", id]), isOver ? undefined : round);
  const state = asked.state === "there" ? asked.value.state : undefined;
  useEffect(() => {
    if (state !== undefined && state !== "running") setOver(true);
  }, [state]);
  return (
    <>
      <p>
        <a href="/replays">All replays</a>
      </p>
      <Answer of={asked}>
        {({ component, state, events, error, difference }) => (
          <>
            <p role="status">
              The handlers of <a href={addressOf(["component", component])}>{component}</a> over the log: {state},{" "}
              {counted(events)} events. Nothing was published.
            </p>
            {error === "" ? null : <Problem text={error} />}
            {state === "running" && canAct ? (
              <button type="button" onClick={() => act(addressOf(["api", "rehearsals", id, "cancel"]))}>
                Cancel
              </button>
            ) : null}
            {difference === undefined ? null : <DifferenceView difference={difference} />}
          </>
        )}
      </Answer>
    </>
  );
}
