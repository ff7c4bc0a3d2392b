/** The state that a step of a story wrote, asked for when somebody wants it: the handlers run over the log for it. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { StoryStates } from "../../../replay.ts";
import type { StoryRow, TimeProgress } from "../../shapes.ts";
import { useStream } from "../live.ts";
import { addressOf } from "../location.ts";
import { Refused } from "./notes.tsx";
import { counted } from "./numbers.ts";
import { StateKey } from "./state-key.tsx";

interface WrittenProps {
  readonly query: string;
  readonly from: string | undefined;
  readonly step: StoryRow;
}

/** What was told stays while one goes from step to step of the story. */
export function Written({ query, from, step }: WrittenProps): VNode | null {
  const [isAsked, setAsked] = useState(false);
  const [states, setStates] = useState<StoryStates | undefined>(undefined);
  const [progress, setProgress] = useState<TimeProgress | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const isOver = states !== undefined || problem !== "";
  useStream(isAsked && !isOver ? addressOf(["api", "time"], { q: query, from }) : undefined, {
    progress: setProgress,
    done: setStates,
    problem: ({ problem: text }: { readonly problem: string }) => setProblem(text),
  });
  if (step.standings.every(({ state }) => state !== "settled")) return null;
  if (!isAsked) {
    return (
      <p>
        <button type="button" onClick={() => setAsked(true)}>
          Show the state that it wrote
        </button>
      </p>
    );
  }
  if (problem !== "") return <Refused text={problem} />;
  if (states === undefined) {
    const text =
      progress === undefined ? "" : ` of ${progress.component} over the log: ${counted(progress.events)} events`;
    return <p role="status">Running the handlers{text} …</p>;
  }
  const { channel, partition, entryId } = step.event;
  const steps = states.steps.filter(
    (one) => one.channel === channel && one.partition === partition && one.entryIds.includes(entryId),
  );
  const written = steps.flatMap(({ component, writes }) =>
    writes.map((write) => ({ ...write, component, isNew: true })),
  );
  return (
    <section aria-label="State written">
      {states.without.length === 0 ? null : (
        <p class="note warn">
          The console has no handlers of {states.without.join(", ")}: start it with <code>--module NAME=FILE</code>.
        </p>
      )}
      {written.length === 0 ? <p>It wrote no state for this story.</p> : null}
      {written.map((known) => (
        <StateKey key={`${known.component} ${known.store} ${known.key}`} known={known} />
      ))}
    </section>
  );
}
