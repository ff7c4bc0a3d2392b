/** The address of a story's states: the components' handlers run over the log, and what they wrote for the story is told. */

import { storyStates } from "../../replay.ts";
import type { TimeProgress } from "../shapes.ts";
import { liveStream } from "./live-stream.ts";
import { Refusal } from "./refusal.ts";
import type { AddRoutes } from "./routes.ts";

export const time: AddRoutes = (api, { options, observer, mask, closing }) => {
  api.get("/time", (c) =>
    liveStream(c, closing, async (send, signal) => {
      const query = c.req.query("q") ?? "";
      const from = c.req.query("from");
      if (query === "") throw new Refusal(400, "There is no story to tell.");
      const states = await storyStates(observer, query, {
        components: (await options.loadComponents?.()) ?? {},
        signal,
        onProgress: (component, events) =>
          void send("progress", { component, events } satisfies TimeProgress).catch(() => undefined),
        ...(from === undefined ? {} : { from }),
      });
      if (!signal.aborted) await send("done", mask.over(states));
    }),
  );
};
