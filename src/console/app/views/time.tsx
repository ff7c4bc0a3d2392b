/** The view of time: a slider over a story's settlements, and the components' state for it after each. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { StoryStates, StoryStep } from "../../../replay.ts";
import type { TimeProgress } from "../../shapes.ts";
import { useStream } from "../live.ts";
import { addressOf, go, type Route } from "../location.ts";
import { Refused } from "../parts/notes.tsx";
import { counted, lasted, timed } from "../parts/numbers.ts";
import { type KnownState, StateKey } from "../parts/state-key.tsx";
import { Text } from "../parts/text.tsx";

interface Told {
  readonly line: StoryStates | undefined;
  readonly progress: TimeProgress | undefined;
  readonly problem: string;
}

/** The query is also the view's key: another story begins anew. */
export function TimeView({ route }: { readonly route: Route }): VNode {
  const query = route.query.get("q") ?? "";
  const from = route.query.get("from") ?? undefined;
  const [told, setTold] = useState<Told>({ line: undefined, progress: undefined, problem: "" });
  const { line, progress, problem } = told;
  const isOver = line !== undefined || problem !== "";
  useStream(query === "" || isOver ? undefined : addressOf(["api", "time"], { q: query, from }), {
    progress: (now: TimeProgress) => setTold((before) => ({ ...before, progress: now })),
    done: (done: StoryStates) => setTold((before) => ({ ...before, line: done })),
    problem: ({ problem: text }: { readonly problem: string }) => setTold((before) => ({ ...before, problem: text })),
  });
  return (
    <>
      <p>
        <strong>
          <Text of={query} />
        </strong>{" "}
        <a href={addressOf(["story"], { q: query, from })}>Its story</a>
      </p>
      {problem === "" ? null : <Refused text={problem} />}
      {isOver ? null : (
        <p role="status">
          {progress === undefined
            ? "Reading the story …"
            : `Running the handlers of ${progress.component} over the log: ${counted(progress.events)} events …`}
        </p>
      )}
      {line === undefined ? null : <Line line={line} route={route} />}
    </>
  );
}

function Line({ line, route }: { readonly line: StoryStates; readonly route: Route }): VNode {
  const { steps, without, notes } = line;
  const asked = Number(route.query.get("step") ?? steps.length);
  const at = Math.min(Math.max(1, Number.isInteger(asked) ? asked : 1), steps.length);
  const move = (step: number): void => {
    const search = new URLSearchParams(route.query);
    search.set("step", String(step));
    go(`/time?${search}`, { replace: true });
  };
  const step = steps[at - 1];
  return (
    <>
      {without.length === 0 ? null : (
        <p class="note warn">
          The console has no handlers of {without.join(", ")}, so that their state is not told: start it with{" "}
          <code>--module NAME=FILE</code>.
        </p>
      )}
      {notes.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
      {step === undefined ? (
        <p>No settlement of the story is told.</p>
      ) : (
        <>
          <label>
            Settlement {at} of {steps.length}: {step.component} at {timed(step.at)} UTC,{" "}
            {lasted(Math.max(0, step.at - (steps[0]?.at ?? step.at)))} after the first
            <input
              type="range"
              min={1}
              max={steps.length}
              value={at}
              aria-valuetext={`${at} of ${steps.length}, ${step.component}`}
              onInput={({ currentTarget }) => move(Number(currentTarget.value))}
            />
          </label>
          <StepFacts step={step} />
          <h2>The state of the components for this story, after this settlement</h2>
          <States steps={steps.slice(0, at)} />
        </>
      )}
    </>
  );
}

function StepFacts({ step }: { readonly step: StoryStep }): VNode {
  const { component, partition, channel, eventIds, entryIds, outcome, together, outputs, otherWrites } = step;
  return (
    <dl class="facts">
      <dt>settled</dt>
      <dd>
        {eventIds.map((id, i) => (
          <div key={id}>
            <a href={addressOf(["story"], { q: `${channel}/${entryIds[i]}` })}>
              {channel} <Text of={id} most={80} />
            </a>
          </div>
        ))}
      </dd>
      <dt>by</dt>
      <dd>
        <a href={addressOf(["component", component])}>{component}</a>, partition {partition}
        {together > eventIds.length ? `, together with ${together - eventIds.length} others` : ""}
      </dd>
      <dt>outcome</dt>
      <dd class={outcome === "acked" ? "good-text" : "bad-text"}>{outcome === "acked" ? "settled" : "dead letter"}</dd>
      {outputs.length === 0 ? null : <dt>published</dt>}
      {outputs.length === 0 ? null : (
        <dd>
          {outputs.map(({ channel: to, id }) => (
            <div key={id}>
              <a href={addressOf(["search"], { q: `id=${id}` })}>
                {to} <Text of={id} most={80} />
              </a>
            </div>
          ))}
        </dd>
      )}
      {otherWrites === 0 ? null : <dt>wrote</dt>}
      {otherWrites === 0 ? null : <dd>{otherWrites} keys of others, too, which were handled together</dd>}
    </dl>
  );
}

/** Every key that the steps wrote, as the last of them left it; the newest change side by side with what was before. */
function States({ steps }: { readonly steps: readonly StoryStep[] }): VNode {
  const keys = new Map<string, KnownState>();
  for (const [i, { component, partition, writes }] of steps.entries()) {
    for (const write of writes) {
      keys.set(`${component} ${partition} ${write.store} ${write.key}`, {
        ...write,
        component,
        isNew: i === steps.length - 1,
      });
    }
  }
  if (keys.size === 0) return <p>Nothing was written for it yet.</p>;
  const sorted = [...keys].sort(([, a], [, b]) => Number(b.isNew) - Number(a.isNew));
  return (
    <>
      {sorted.map(([name, known]) => (
        <StateKey key={name} known={known} />
      ))}
    </>
  );
}
