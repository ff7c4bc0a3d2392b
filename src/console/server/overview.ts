/** The addresses of the flow: what the console is, its live looks, and their samples. */

import { readFileSync } from "node:fs";
import type { About } from "../shapes.ts";
import { liveStream } from "./live-stream.ts";
import type { News } from "./look.ts";
import type { AddRoutes } from "./routes.ts";

export const overview: AddRoutes = (api, { options, look, mask, closing }) => {
  const manifest = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };

  api.get("/about", async (c) => {
    const { namespace, allowActions, loadComponents } = options;
    const rehearsable = loadComponents === undefined ? [] : Object.keys(await loadComponents());
    return c.json({ namespace, version, allowActions, rehearsable, masked: options.mask } satisfies About);
  });

  api.get("/samples", (c) => c.json(look.samples));

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
