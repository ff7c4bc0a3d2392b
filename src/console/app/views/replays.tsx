/** The view of replays: runs and how far they are, a new one into a shadow, and component replays with their differences. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Run } from "../../../replay.ts";
import type { About, ComponentReplayState, ReplayList } from "../../shapes.ts";
import type { Looked } from "../live.ts";
import { addressOf, type Route } from "../location.ts";
import { Answer, Problem } from "../parts/notes.tsx";
import { counted, timed } from "../parts/numbers.ts";
import { ComponentReplayForm, ReplayForm } from "../parts/replay-forms.tsx";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";
import { order, usePolled } from "../server.ts";
import { DifferenceView } from "./difference.tsx";

/** Runs are asked for again so long after each answer, while the page is seen, ms. */
const everyMs = 1_000;

interface ReplaysViewProps {
  readonly route: Route;
  readonly look: Looked;
  readonly about: About;
}

export function ReplaysView({ route, look, about }: ReplaysViewProps): VNode {
  const chosen = route.path[1];
  if (chosen !== undefined) return <OneComponentReplay id={chosen} canAct={about.allowActions} />;
  return <Lists channels={look.flow?.channels.map(({ channel }) => channel) ?? []} about={about} />;
}

interface Ordering {
  /** The server's sentence where it refused; empty where it did not. */
  readonly problem: string;
  /** Number of orders that were taken so far: with each, what is shown is asked for anew. */
  readonly taken: number;
  readonly act: (address: string) => void;
  /** Called when the server has taken an order. */
  readonly tell: () => void;
}

function useOrders(): Ordering {
  const [taken, setTaken] = useState(0);
  const [problem, setProblem] = useState("");
  const tell = (): void => {
    setProblem("");
    setTaken((before) => before + 1);
  };
  const act = (address: string): void => {
    order(address, {}).then(tell, (error: Error) => setProblem(error.message));
  };
  return { problem, taken, act, tell };
}

function Lists({ channels, about }: { readonly channels: readonly string[]; readonly about: About }): VNode {
  const { problem, taken, act, tell } = useOrders();
  const list = usePolled<ReplayList>("/api/replays", everyMs, taken);
  return (
    <>
      {problem === "" ? null : <Problem text={problem} />}
      {about.allowActions ? (
        <div class="pair">
          <ReplayForm channels={channels} begun={tell} />
          <ComponentReplayForm components={about.replayable} />
        </div>
      ) : (
        <p class="note">
          The console only reads. Started with <code>--allow-actions</code>, it begins and cancels replays, too.
        </p>
      )}
      <Answer of={list}>
        {({ runs, componentReplays }) => (
          <>
            <h2 id="runs">Runs into other namespaces</h2>
            {runs.length === 0 ? (
              <p>This namespace was never replayed.</p>
            ) : (
              <Runs runs={runs} canAct={about.allowActions} act={act} />
            )}
            <h2 id="component-replays">Component replays of this console</h2>
            {componentReplays.length === 0 ? (
              <p>None yet: a component's handlers run over the log, and nothing is published.</p>
            ) : (
              <ComponentReplayList componentReplays={componentReplays} />
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

function ComponentReplayList({ componentReplays }: Pick<ReplayList, "componentReplays">): VNode {
  return (
    <ul aria-labelledby="component-replays">
      {componentReplays.map(({ id, component, state, startedAt, events }) => (
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

function OneComponentReplay({ id, canAct }: { readonly id: string; readonly canAct: boolean }): VNode {
  const { problem, taken, act } = useOrders();
  const [isOver, setOver] = useState(false);
  const address = addressOf(["api", "component-replays", id]);
  const asked = usePolled<ComponentReplayState>(isOver ? undefined : address, everyMs, taken);
  const state = asked.state === "there" ? asked.value.state : undefined;
  useEffect(() => {
    if (state !== undefined && state !== "running") setOver(true);
  }, [state]);
  return (
    <>
      <p>
        <a href="/replays">All replays</a>
      </p>
      {problem === "" ? null : <Problem text={problem} />}
      <Answer of={asked}>
        {({ component, state, events, error, difference }) => (
          <>
            <p role="status">
              The handlers of <a href={addressOf(["component", component])}>{component}</a> over the log: {state},{" "}
              {counted(events)} events. Nothing was published.
            </p>
            {error === "" ? null : <Problem text={error} />}
            {state === "running" && canAct ? (
              <button type="button" onClick={() => act(addressOf(["api", "component-replays", id, "cancel"]))}>
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
