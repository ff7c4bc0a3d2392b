/** The address of a component's attempts over time, live: from its settlement log, while somebody looks. */

import { setTimeout as pause } from "node:timers/promises";
import { attemptsOverTime } from "../../index.ts";
import type { AttemptsNews } from "../shapes.ts";
import { liveStream } from "./live-stream.ts";
import type { AddRoutes } from "./routes.ts";

/** Length of a stretch, and how far back the first answer goes, ms. */
const everyMs = 10_000;
const backMs = 600_000;
/** Most settlements of the first answer: a busy component's begins later. */
const maxSettlements = 20_000;
/** The reading takes at most this part of the time, as a look at the namespace does. */
const share = 0.1;
const shortestPauseMs = 2_000;

export const component: AddRoutes = (api, { observer, closing }) => {
  api.get("/components/:name/attempts", (c) =>
    liveStream(c, closing, async (send, signal) => {
      const name = c.req.param("name");
      let from = Date.now() - backMs;
      while (!signal.aborted) {
        const began = performance.now();
        const to = Date.now() + everyMs;
        const counts = await attemptsOverTime(observer, name, { from, to, everyMs, maxSettlements });
        await send("attempts", { everyMs, counts } satisfies AttemptsNews);
        // Once more the stretch before the last: of two partitions one may note something later.
        from = Math.min(to - 2 * everyMs, (counts.at(-1)?.at ?? to) - everyMs);
        const tookMs = performance.now() - began;
        await pause(Math.max(shortestPauseMs, tookMs / share), undefined, { signal }).catch(() => undefined);
      }
    }),
  );
};
