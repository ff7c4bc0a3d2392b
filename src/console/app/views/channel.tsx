/** The view of a channel: its live tail with pause and filter, its rate over time, and its older entries. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ChannelPage, Flow, FlowEdge, ListedEntry, TailBatch } from "../../shapes.ts";
import { type Looked, useStream } from "../live.ts";
import { addressOf, go, type Route } from "../location.ts";
import { Chart } from "../parts/chart.tsx";
import { Entries, idOf } from "../parts/entry-list.tsx";
import { Answer, Refused } from "../parts/notes.tsx";
import { counted, lasted, rated } from "../parts/numbers.ts";
import { useSamples } from "../samples.ts";
import { useAnswer } from "../server.ts";

/** Most entries that the tail keeps on the page. */
const maxShown = 100;

interface ChannelViewProps {
  readonly route: Route;
  readonly look: Looked;
}

export function ChannelView({ route, look }: ChannelViewProps): VNode {
  const channel = route.path[1] ?? "";
  const where = route.query.getAll("where");
  const from = route.query.get("from") ?? undefined;
  const to = route.query.get("to") ?? undefined;
  const samples = useSamples(look, { channel });
  const list = `${channel} ${where.join(" ")} ${from ?? ""} ${to ?? ""}`;
  return (
    <>
      {look.flow === undefined ? null : <Summary flow={look.flow} channel={channel} />}
      <Chart
        title="Appended a second"
        times={samples.map(({ at }) => at)}
        series={[{ name: "entries/s", color: "accent", values: samples.map(({ channels }) => channels[channel] ?? 0) }]}
      />
      <Filter channel={channel} where={where} />
      {from === undefined && to === undefined ? (
        <Tail key={list} channel={channel} where={where} />
      ) : (
        <Older key={list} channel={channel} where={where} from={from} to={to} />
      )}
    </>
  );
}

function Summary({ flow, channel }: { readonly flow: Flow; readonly channel: string }): VNode {
  const found = flow.channels.find((one) => one.channel === channel);
  if (found === undefined) {
    return <p class="note warn">Nothing was ever appended to a channel of this name.</p>;
  }
  const edges = flow.edges.filter((edge) => edge.channel === channel);
  return (
    <>
      {found.problems.map((text) => (
        <p key={text} class="note bad">
          {text} <code>npx throughline repair {channel}</code> mends it.
        </p>
      ))}
      <dl class="facts">
        <dt>entries</dt>
        <dd>
          {counted(found.entries)}, {rated(found.perSecond)}
        </dd>
        <dt>last</dt>
        <dd>{found.lastAppendAt === null ? "never" : `${lasted(Math.max(0, flow.at - found.lastAppendAt))} ago`}</dd>
        <dt>published by</dt>
        <dd>
          <ComponentLinks edges={edges.filter(({ kind }) => kind === "publishes")} none="no component so far" />
        </dd>
        <dt>consumed by</dt>
        <dd>
          <ComponentLinks edges={edges.filter(({ kind }) => kind === "consumes")} none="no component" />
        </dd>
      </dl>
    </>
  );
}

function ComponentLinks({ edges, none }: { readonly edges: readonly FlowEdge[]; readonly none: string }): VNode {
  if (edges.length === 0) return <span class="quiet">{none}</span>;
  return (
    <>
      {edges.map(({ component, lag }) => (
        <span key={component}>
          <a href={addressOf(["component", component])}>{component}</a> {lag > 0 ? `(${counted(lag)} wait) ` : ""}
        </span>
      ))}
    </>
  );
}

function Filter({ channel, where }: { readonly channel: string; readonly where: readonly string[] }): VNode {
  const [text, setText] = useState(where[0] ?? "");
  const attribute = text.trim();
  const isFilter = attribute === "" || /^[^=\s]+=./s.test(attribute);
  return (
    <form
      class="bar"
      onSubmit={(event) => {
        event.preventDefault();
        if (isFilter) go(addressOf(["channel", channel], { where: attribute }));
      }}
    >
      <label>
        Only with{" "}
        <input
          value={text}
          placeholder="user.id=ann or payload.symbol=AAPL"
          size={36}
          aria-invalid={!isFilter}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={!isFilter}>
        Filter
      </button>
      {where.length === 0 ? null : <a href={addressOf(["channel", channel])}>All entries</a>}
      {isFilter ? null : <span class="warn-text">Write name=value.</span>}
    </form>
  );
}

interface Seen {
  readonly entries: readonly ListedEntry[];
  /** Newer ones, which wait while the tail is paused. */
  readonly waiting: readonly ListedEntry[];
  readonly leftOut: number;
  readonly isReady: boolean;
  readonly problem: string;
}

function Tail({ channel, where }: { readonly channel: string; readonly where: readonly string[] }): VNode {
  const [isPaused, setPaused] = useState(false);
  const [seen, setSeen] = useState<Seen>({ entries: [], waiting: [], leftOut: 0, isReady: false, problem: "" });
  const query = new URLSearchParams(where.map((one) => ["where", one]));
  const path = `/api/channels/${encodeURIComponent(channel)}`;
  const first = useAnswer<ChannelPage>(`${path}/entries?${query}`);
  const known = first.state === "there" ? first.value.entries : [];
  // The tail goes on with the millisecond of the newest entry, as streams number theirs separately in it; what is known is left out.
  if (known[0] !== undefined) query.set("from", known[0].entryId.replace(/-.*$/, ""));
  useStream(first.state === "there" ? `${path}/live?${query}` : undefined, {
    ready: () => setSeen((before) => ({ ...before, isReady: true, problem: "" })),
    entries: ({ entries, leftOut }: TailBatch) =>
      setSeen((before) => {
        const ids = new Set([...before.entries, ...before.waiting, ...known].map(idOf));
        const fresh = entries.filter((entry) => !ids.has(idOf(entry)));
        const [shown, waiting] = isPaused
          ? [before.entries, [...fresh, ...before.waiting]]
          : [[...fresh, ...before.entries], []];
        return {
          ...before,
          entries: shown.slice(0, maxShown),
          waiting: waiting.slice(0, maxShown),
          leftOut: before.leftOut + leftOut,
        };
      }),
    problem: ({ problem }: { readonly problem: string }) => setSeen((before) => ({ ...before, problem })),
  });
  const pause = (): void => {
    setPaused(!isPaused);
    setSeen((before) => ({
      ...before,
      entries: [...before.waiting, ...before.entries].slice(0, maxShown),
      waiting: [],
    }));
  };
  const entries = [...seen.entries, ...known].slice(0, maxShown);
  return (
    <>
      {seen.problem === "" ? null : <Refused text={seen.problem} />}
      <div class="bar">
        <button type="button" aria-pressed={isPaused} onClick={pause}>
          {isPaused ? `Go on${seen.waiting.length > 0 ? ` (${seen.waiting.length} new)` : ""}` : "Pause"}
        </button>
        <span class="quiet">
          {isPaused ? "Paused." : seen.isReady ? "Live." : first.state === "refused" ? "" : "Connecting …"}
          {seen.leftOut > 0 ? ` ${counted(seen.leftOut)} came too fast to be shown.` : ""}
        </span>
        {entries.length === 0 ? null : (
          <a href={addressOf(["channel", channel], { to: `(${entries.at(-1)?.entryId}`, where: where[0] })}>Older</a>
        )}
      </div>
      <Answer of={first}>
        {({ isWhole }) => (
          <>
            <Entries entries={entries} fresh={seen.entries.length} />
            {isWhole ? null : (
              <p class="quiet">The filter was looked for among the newest entries only; the search goes on further.</p>
            )}
          </>
        )}
      </Answer>
    </>
  );
}

interface OlderProps {
  readonly channel: string;
  readonly where: readonly string[];
  readonly from: string | undefined;
  readonly to: string | undefined;
}

function Older({ channel, where, from, to }: OlderProps): VNode {
  const query = new URLSearchParams(where.map((one) => ["where", one]));
  if (from !== undefined) query.set("from", from);
  if (to !== undefined) query.set("to", to);
  const page = useAnswer<ChannelPage>(`/api/channels/${encodeURIComponent(channel)}/entries?${query}`);
  return (
    <Answer of={page}>
      {({ entries, hasMore, isWhole }) => {
        const [newest, oldest] = [entries[0]?.entryId, entries.at(-1)?.entryId];
        return (
          <>
            <div class="bar">
              <a href={addressOf(["channel", channel], { where: where[0] })}>Live</a>
              {from !== undefined && !hasMore ? null : newest === undefined ? null : (
                <a href={addressOf(["channel", channel], { from: `(${newest}`, where: where[0] })}>Newer</a>
              )}
              {oldest === undefined || (from === undefined && !hasMore) ? null : (
                <a href={addressOf(["channel", channel], { to: `(${oldest}`, where: where[0] })}>Older</a>
              )}
              {isWhole ? null : <span class="quiet">The time for the filter was over before the page was full.</span>}
            </div>
            <Entries entries={entries} fresh={0} />
          </>
        );
      }}
    </Answer>
  );
}
