/** The console's page: the frame with its links and search, and the view that the address names. */

import { Fragment, render, type VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { About } from "../shapes.ts";
import { type Looked, useLook } from "./live.ts";
import { addressOf, followLinks, go, type Route, useRoute } from "./location.ts";
import { Refusals, Refused } from "./parts/notes.tsx";
import { useAnswer } from "./server.ts";
import "./style/base.css";
import "./style/parts.css";
import "./style/graph.css";
import "./style/story.css";
import "./style/frame.css";
import { ChannelView } from "./views/channel.tsx";
import { ComponentView } from "./views/component.tsx";
import { DeadLettersView } from "./views/dead-letters.tsx";
import { FlowView } from "./views/flow.tsx";
import { ReplaysView } from "./views/replays.tsx";
import { SearchView } from "./views/search.tsx";
import { StoryView } from "./views/story.tsx";
import { TimeView } from "./views/time.tsx";

interface ViewProps {
  readonly route: Route;
  readonly look: Looked;
  readonly about: About;
}

interface View {
  /** The view waits for what the console is; the others begin at once. */
  readonly needsAbout?: true;
  readonly title: (route: Route) => string;
  readonly show: (props: ViewProps) => VNode;
}

const views: Readonly<Record<string, View>> = {
  "": { title: () => "Flow", show: ({ look }) => <FlowView look={look} /> },
  channel: {
    title: ({ path }) => `Channel ${path[1] ?? ""}`,
    show: ({ route, look }) => <ChannelView key={route.path[1] ?? ""} route={route} look={look} />,
  },
  component: {
    title: ({ path }) => `Component ${path[1] ?? ""}`,
    show: ({ route, look }) => <ComponentView key={route.path[1] ?? ""} route={route} look={look} />,
  },
  dead: {
    needsAbout: true,
    title: () => "Dead letters",
    show: ({ route, about }) => <DeadLettersView route={route} about={about} />,
  },
  replays: {
    needsAbout: true,
    title: ({ path }) => (path[1] === undefined ? "Replays" : "Component replay"),
    show: ({ route, look, about }) => <ReplaysView key={route.path[1] ?? ""} route={route} look={look} about={about} />,
  },
  time: {
    title: () => "State over time",
    show: ({ route }) => <TimeView key={route.query.get("q") ?? ""} route={route} />,
  },
  search: {
    title: () => "Search",
    show: ({ route }) => {
      const query = route.query.get("q") ?? "";
      return <SearchView key={query} query={query} />;
    },
  },
  story: {
    needsAbout: true,
    title: () => "Story",
    show: ({ route, about }) => <StoryView route={route} about={about} />,
  },
};

const unknown: About = { namespace: "", version: "", allowActions: false, replayable: [], masked: [] };

/** Views that are in the row of links, by the first part of their address. */
const links: readonly (readonly [first: string, title: string])[] = [
  ["", "Flow"],
  ["dead", "Dead letters"],
  ["replays", "Replays"],
];

/** How often a view has to be asked for anew: it shows a refusal, and what was away is back. */
function useComebacks({ problem }: Looked, refusals: { readonly shown: number }): number {
  const [comebacks, setComebacks] = useState(0);
  const wasAway = useRef(false);
  useEffect(() => {
    if (problem === "" && wasAway.current && refusals.shown > 0) setComebacks((before) => before + 1);
    wasAway.current = problem !== "";
  }, [problem, refusals]);
  return comebacks;
}

function Frame(): VNode {
  const route = useRoute();
  const look = useLook();
  const refusals = useMemo(() => ({ shown: 0 }), []);
  const comebacks = useComebacks(look, refusals);
  const about = useAnswer<About>("/api/about", comebacks);
  const [first = ""] = route.path;
  const view = views[first];
  const title = view?.title(route) ?? "No such view";
  const namespace = about.state === "there" ? about.value.namespace : "";
  useEffect(() => {
    document.title = `${title} · ${namespace === "" ? "" : `${namespace} · `}Throughline`;
  }, [title, namespace]);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <a href="/" aria-label="Throughline, to the flow">
          <strong>Throughline</strong>
        </a>
        <span class="quiet">{namespace}</span>
        <nav aria-label="Views">
          {links.map(([name, text]) => (
            <a
              key={name}
              href={addressOf(name === "" ? [] : [name])}
              aria-current={name === first ? "page" : undefined}
            >
              {text}
            </a>
          ))}
        </nav>
        <Search route={route} />
      </header>
      {look.problem === "" ? null : (
        <div class="banner" role="alert">
          {look.problem} {look.flow === undefined ? "" : "What is shown is as it was last seen."}
        </div>
      )}
      <main id="main">
        <h1 tabIndex={-1}>{title}</h1>
        <Refusals.Provider value={refusals}>
          {about.state === "refused" ? <Refused text={about.problem} /> : null}
          {view === undefined ? (
            <p>
              The console has no such view. <a href="/">To the flow</a>
            </p>
          ) : about.state === "there" || view.needsAbout !== true ? (
            <Fragment key={comebacks}>
              <view.show route={route} look={look} about={about.state === "there" ? about.value : unknown} />
            </Fragment>
          ) : null}
        </Refusals.Provider>
      </main>
    </>
  );
}

function Search({ route }: { readonly route: Route }): VNode {
  const asked = route.path[0] === "story" || route.path[0] === "search" ? (route.query.get("q") ?? "") : "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") go(addressOf(["search"], { q: text.trim() }));
        }}
      >
        <input
          type="search"
          aria-label="Find an order: event id, trace id, or attribute=value"
          placeholder="event id, trace id, or order.id=…"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <button type="submit">Find</button>
      </form>
    </search>
  );
}

const root = document.querySelector("#app");
if (root !== null) {
  followLinks();
  render(<Frame />, root);
}
