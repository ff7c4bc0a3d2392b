/** The view of a story: one order across components as a tree on one time axis, each step in full beside it. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { About, Story } from "../../shapes.ts";
import { addressOf, go, type Route } from "../location.ts";
import { EntryFacts } from "../parts/entry.tsx";
import { Refused } from "../parts/notes.tsx";
import { lasted, timed } from "../parts/numbers.ts";
import { Relatives } from "../parts/relatives.tsx";
import { Standings } from "../parts/standings.tsx";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";
import { nameOf, StepRow, settlementOf } from "../parts/waterfall.tsx";
import { Written } from "../parts/written.tsx";
import { ask } from "../server.ts";

/** A first look reads the log for so long after the event, ms: most stories are whole by then, wherever they lie in the log. */
const firstLookMs = 30_000n;

interface Told {
  readonly story: Story | undefined;
  /** The rest of the log is being read. */
  readonly isGoingOn: boolean;
  readonly problem: string;
}

/** Asks for the story: around its event first, then to the log's end. */
function useStory(query: string, from: string | undefined): Told & { readonly stop: () => void } {
  const [told, setTold] = useState<Told>({ story: undefined, isGoingOn: true, problem: "" });
  const [gone, setGone] = useState(() => new AbortController());
  useEffect(() => {
    const asking = new AbortController();
    setGone(asking);
    setTold({ story: undefined, isGoingOn: true, problem: "" });
    const [, ms] = /^[^/=]+\/(\d+)-\d+$/.exec(query) ?? [];
    const begin = ms ?? /^\d+/.exec(from ?? "")?.[0];
    const tell = async (): Promise<void> => {
      const asked = (to?: string): Promise<Story> =>
        ask<Story>(addressOf(["api", "story"], { q: query, from, to }), asking.signal);
      if (begin !== undefined) {
        const story = await asked(String(BigInt(begin) + firstLookMs));
        setTold({ story, isGoingOn: true, problem: "" });
      }
      setTold({ story: await asked(), isGoingOn: false, problem: "" });
    };
    tell().catch((error: Error) => {
      if (!asking.signal.aborted) setTold(({ story }) => ({ story, isGoingOn: false, problem: error.message }));
    });
    return () => asking.abort();
  }, [query, from]);
  const stop = (): void => {
    gone.abort();
    setTold((before) => ({ ...before, isGoingOn: false }));
  };
  return { ...told, stop };
}

export function StoryView({ route, about }: { readonly route: Route; readonly about: About }): VNode {
  const query = route.query.get("q") ?? "";
  const from = route.query.get("from") ?? undefined;
  const { story, isGoingOn, problem, stop } = useStory(query, from);
  const chosen = route.query.get("step") ?? undefined;
  const choose = (step: string): void => {
    const search = new URLSearchParams(route.query);
    search.set("step", step);
    go(`/story?${search}`, { replace: true });
  };
  return (
    <>
      <Tools query={query} about={about} />
      {problem === "" ? null : <Refused text={problem} />}
      {isGoingOn ? (
        <div class="bar" role="status">
          <span>
            {story === undefined
              ? "Reading the log …"
              : "This is the story so far; the rest of the log is being read …"}
          </span>
          <button type="button" onClick={stop}>
            Stop
          </button>
        </div>
      ) : null}
      {story === undefined ? null : (
        <Steps
          key={query}
          story={story}
          isGoingOn={isGoingOn}
          chosen={chosen}
          choose={choose}
          query={query}
          from={from}
        />
      )}
    </>
  );
}

/** A link to share, and the command that tells the same. */
function Tools({ query, about }: { readonly query: string; readonly about: About }): VNode {
  const [copied, setCopied] = useState("");
  const command = `npx throughline --namespace ${about.namespace} journey --settlements '${query.replaceAll("'", "'\\''")}'`;
  const copy = (text: string, what: string): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(`The ${what} is copied.`),
      () => setCopied(`The browser does not let the ${what} be copied.`),
    );
  };
  return (
    <div class="bar">
      <strong>
        <Text of={query} />
      </strong>
      <button type="button" onClick={() => copy(location.href, "link")}>
        Copy the link
      </button>
      <button type="button" title={command} onClick={() => copy(command, "command")}>
        Copy the command
      </button>
      <a href={addressOf(["time"], { q: query })}>State over time</a>
      <span role="status">{copied}</span>
    </div>
  );
}

interface StepsProps {
  readonly story: Story;
  readonly query: string;
  readonly from: string | undefined;
  readonly isGoingOn: boolean;
  readonly chosen: string | undefined;
  readonly choose: (step: string) => void;
}

function Steps({ query, from, story, isGoingOn, chosen, choose }: StepsProps): VNode {
  const { journey, rows } = story;
  const step = rows.find((row) => nameOf(row) === chosen) ?? rows.find((row) => row.asked) ?? rows[0];
  if (step === undefined) {
    return (
      <p>
        {isGoingOn
          ? "No event was found yet."
          : "No event in the log matches: it may have been trimmed, or never published."}
      </p>
    );
  }
  const begin = Math.min(...rows.map(({ event }) => event.appendedAt));
  const ends = rows.flatMap((row) => [
    row.event.appendedAt,
    ...row.standings.map(({ component }) => settlementOf(story, row, component)?.settledAt ?? 0),
  ]);
  const end = Math.max(begin + 1, ...ends);
  return (
    <>
      <p>
        {journey.events} {journey.events === 1 ? "event" : "events"} in {lasted(journey.durationMs)}, from{" "}
        {timed(begin)} UTC.{" "}
        {journey.leftOut > 0
          ? `${journey.leftOut} events of others left out, whose orders were handled together with this one. `
          : ""}
        {journey.moreMatches > 0 ? `${journey.moreMatches} more events match: search for one of them. ` : ""}
        {journey.complete ? "" : `Stopped at ${journey.events} events: the story goes on. `}
      </p>
      <div class="panes">
        <div>
          <Table
            kind="waterfall"
            name={{ label: "Steps of the story on one time axis" }}
            columns={["event", { number: "after" }, `from append to settlement, over ${lasted(end - begin)}`]}
          >
            {rows.map((row) => (
              <StepRow
                key={nameOf(row)}
                node={row}
                story={story}
                begin={begin}
                end={end}
                isChosen={row === step}
                choose={choose}
              />
            ))}
          </Table>
          <p class="legend quiet">
            <span class="key wait">waits</span> <span class="key span">its handler runs</span>{" "}
            <span class="key bad">a failed attempt</span> <span class="key warn">a takeover</span>
          </p>
        </div>
        <section aria-label="The chosen step">
          <h2>
            {step.event.channel} <Text of={step.event.id} most={80} />
          </h2>
          <Standings node={step} settlementOf={(component) => settlementOf(story, step, component)} at={journey.at} />
          <Written query={query} from={from} step={step} />
          <Relatives node={step} rows={rows} choose={choose} />
          <EntryFacts key={nameOf(step)} entry={step.event} />
        </section>
      </div>
    </>
  );
}
