/** The addresses of the flow: what the console is, its live looks, and their samples. */

import { readFileSync } from "node:fs";
import type { About, Sample } from "../shapes.ts";
import { liveStream } from "./live-stream.ts";
import type { News } from "./look.ts";
import type { AddRoutes } from "./routes.ts";

export const overview: AddRoutes = (api, { options, look, mask, closing }) => {
  const manifest = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };

  api.get("/about", async (c) => {
    const { namespace, allowActions, loadComponents } = options;
    const replayable = loadComponents === undefined ? [] : Object.keys(await loadComponents());
    return c.json({ namespace, version, allowActions, replayable, masked: options.mask } satisfies About);
  });

  api.get("/samples", (c) => {
    const { channel, component } = c.req.query();
    return c.json(look.samples.map((sample) => partOf(sample, { channel, component })));
  });

  api.get("/live", (c) =>
    liveStream(c, closing, async (send, signal) => {
      // A page that reads slowly gets the latest look, and not every one.
      let latest: News | undefined;
      let wake = (): void => undefined;
      const stop = look.watch((news) => {
        latest = news;
        wake();
      });
      signal.addEventListener("abort", () => wake(), { once: true });
      try {
        while (!signal.aborted) {
          const news = latest;
          latest = undefined;
          if (news === undefined) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          } else if (news.kind === "flow") await send("flow", mask.over(news.flow));
          else await send("away", { problem: news.problem });
        }
      } finally {
        stop();
      }
    }),
  );
};

/** What a sample tells of one channel or component: with hundreds of channels all of it is long. */
function partOf(
  { at, channels, edges }: Sample,
  { channel, component }: { readonly channel?: string | undefined; readonly component?: string | undefined },
): Sample {
  const isWanted = ([name]: readonly [string, unknown]): boolean =>
    component === undefined || name.endsWith(`>${component}`);
  return {
    at,
    channels: Object.fromEntries(Object.entries(channels).filter(([name]) => name === channel)),
    edges: channel === undefined ? Object.fromEntries(Object.entries(edges).filter(isWanted)) : {},
  };
}
