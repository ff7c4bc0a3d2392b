/** The addresses of search and story. */

import {
  entryJson,
  type Journey,
  type LogEntry,
  type SearchProgress,
  storySettlements,
  walkJourney,
} from "../../index.ts";
import type { SearchState, Story, StoryRow } from "../shapes.ts";
import { cutEvent, listed } from "./listed.ts";
import { liveStream } from "./live-stream.ts";
import { positionIn } from "./position.ts";
import { Refusal } from "./refusal.ts";
import type { AddRoutes } from "./routes.ts";

/** Most events that a search lists. */
const maxHits = 200;

export const story: AddRoutes = (api, { observer, mask, closing }) => {
  api.get("/search", (c) =>
    liveStream(c, closing, async (send, signal) => {
      const query = asked(c.req.query("q"));
      let progress: SearchProgress | undefined;
      let hits = 0;
      const tell = async (): Promise<void> => {
        if (progress !== undefined) await send("progress", progress satisfies SearchState);
      };
      const found = observer.search(query, {
        limit: maxHits,
        signal,
        onProgress: (now) => {
          progress = now;
          void tell().catch(() => undefined);
        },
      });
      for await (const entry of found) {
        hits++;
        await send("hit", mask.over(listed(entry)));
      }
      await tell();
      await send("done", { hits, isAll: hits < maxHits });
    }),
  );

  api.get("/story", async (c) => {
    const query = asked(c.req.query("q"));
    const { from, to } = { from: positionIn(c.req.query("from")), to: positionIn(c.req.query("to")) };
    const limit = numberIn("limit", c.req.query("limit"));
    const signal = AbortSignal.any([c.req.raw.signal, closing]);
    const journey = await observer.journey(query, {
      signal,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(limit === undefined ? {} : { maxMatches: limit }),
    });
    const settlements = await storySettlements(observer, journey, signal);
    const { beginnings: _, continuations: _c, ...told } = journey;
    return c.json(mask.over({ journey: told, rows: rowsOf(journey), settlements, to: to ?? null } satisfies Story));
  });

  api.get("/entry", async (c) => {
    const [channel = "", id = ""] = [c.req.query("channel"), c.req.query("id")];
    const partition = numberIn("partition", c.req.query("partition"));
    if (!/^\d+-\d+$/.test(id)) throw new Refusal(400, `"${id.slice(0, 100)}" is no entry's id.`);
    const range = { from: id, to: id, limit: 1, ...(partition === undefined ? {} : { partition }) };
    let found: LogEntry | undefined;
    for await (const entry of observer.read(channel, range)) found = entry;
    if (found === undefined) throw new Refusal(404, "The entry is not in the log, or not any more.");
    return c.json(mask.over(entryJson(found)));
  });
};

function asked(query: string | undefined): string {
  if (query === undefined || query.trim() === "") throw new Refusal(400, "There is nothing to search for.");
  return query.trim();
}

/** @throws {Refusal} on a text that is no whole number */
function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new Refusal(400, `"${text.slice(0, 100)}" is no whole number, which ${name} must be.`);
  return Number(text);
}

/** The steps in the order in which a tree is drawn, long payloads cut. */
function rowsOf(journey: Journey): readonly StoryRow[] {
  return [...walkJourney(journey)].map(({ node: { children: _, ...node }, children }) => ({
    ...node,
    event: cutEvent(node.event),
    children: children.map(({ event }) => event.id),
  }));
}
