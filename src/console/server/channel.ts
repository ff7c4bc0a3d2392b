/** The addresses of a channel: a page of its entries, and its live tail. */

import type { LogEntry, ReadRange } from "../../index.ts";
import type { ChannelPage, ListedEntry, TailBatch } from "../shapes.ts";
import { listed } from "./listed.ts";
import { liveStream } from "./live-stream.ts";
import { positionIn } from "./position.ts";
import type { AddRoutes } from "./routes.ts";

/** Entries of one page, and with which a tail begins. */
const pageSize = 100;
/** A tail sends what came together, so often, ms: what comes faster than a person reads is counted. */
const everyMs = 250;
const maxInBatch = 40;
/** Longest time that a page with a filter is searched for, ms: a rare attribute does not read a long log. */
const searchedMs = 3_000;

export const channel: AddRoutes = (api, { observer, mask, closing }) => {
  api.get("/channels/:name/entries", async (c) => {
    const name = c.req.param("name");
    const { from, to } = { from: positionIn(c.req.query("from")), to: positionIn(c.req.query("to")) };
    const where = c.req.queries("where") ?? [];
    const isNewestFirst = from === undefined;
    const signal = AbortSignal.any([c.req.raw.signal, closing, AbortSignal.timeout(searchedMs)]);
    const entries: ListedEntry[] = [];
    const range: ReadRange = {
      where,
      limit: pageSize + 1,
      reverse: isNewestFirst,
      signal,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    for await (const entry of observer.read(name, range)) entries.push(listed(entry));
    const hasMore = entries.length > pageSize;
    const page = entries.slice(0, pageSize);
    return c.json(
      mask.over({
        entries: isNewestFirst ? page : page.reverse(),
        hasMore,
        isWhole: !signal.aborted,
      } satisfies ChannelPage),
    );
  });

  api.get("/channels/:name/live", (c) =>
    liveStream(c, closing, async (send, signal) => {
      const name = c.req.param("name");
      const where = c.req.queries("where") ?? [];
      const asked = positionIn(c.req.query("from"));
      const from = asked ?? (await endOf(observer.read(name, { reverse: true, limit: 1, signal })));
      let waiting: LogEntry[] = [];
      let leftOut = 0;
      const flush = async (): Promise<void> => {
        if (waiting.length === 0) return;
        const batch = { entries: waiting.map(listed).reverse(), leftOut } satisfies TailBatch;
        [waiting, leftOut] = [[], 0];
        await send("entries", mask.over(batch));
      };
      await send("ready", {});
      let isSending = false;
      const timer = setInterval(() => {
        if (isSending) return;
        isSending = true;
        flush()
          .catch(() => undefined) // the page has gone, which ends the tail
          .finally(() => {
            isSending = false;
          });
      }, everyMs);
      try {
        for await (const entry of observer.read(name, {
          where,
          follow: true,
          signal,
          ...(from === undefined ? {} : { from }),
        })) {
          waiting.push(entry);
          if (waiting.length <= maxInBatch) continue;
          waiting.shift();
          leftOut++;
        }
      } finally {
        clearInterval(timer);
      }
    }),
  );
};

/** The position after the newest entry; undefined in an empty channel. */
async function endOf(newest: AsyncIterable<LogEntry>): Promise<string | undefined> {
  for await (const { entryId } of newest) return `(${entryId}`;
  return undefined;
}
