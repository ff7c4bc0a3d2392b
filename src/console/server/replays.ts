/** The addresses of replays: runs into shadows, and component replays with their differences. */

import type { ReplayList, ReplayPlan } from "../shapes.ts";
import { allowed, bodyOf } from "./actions.ts";
import { ComponentReplays } from "./component-replays.ts";
import { Refusal } from "./refusal.ts";
import type { AddRoutes } from "./routes.ts";

const maxRuns = 50;

export const replays: AddRoutes = (api, { options, observer, replays: opened, mask, closing, ending }) => {
  const componentReplays = new ComponentReplays(observer, options, closing);
  /** The runs that this process performs, by id. */
  const running = new Map<string, AbortController>();

  api.get("/replays", async (c) => {
    const states = componentReplays.states.map(({ difference: _, ...state }) => state);
    return c.json(mask.over({ runs: await opened().list(maxRuns), componentReplays: states } satisfies ReplayList));
  });

  api.post("/replays", async (c) => {
    const body = allowed(options, await bodyOf(c));
    const { channels, dryRun } = body;
    if (!isTexts(channels) || channels.length === 0) throw new Refusal(400, "Say which channels to replay.");
    const [from, to, where] = [textIn(body, "from"), textIn(body, "to"), textIn(body, "where")];
    const speed = speedIn(body["speed"]);
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const signal = AbortSignal.any([c.req.raw.signal, closing]);
    const source = await opened().open({ channels, ...range });
    // Without a namespace the target is a shadow of its own: the console replays into nothing else.
    const request = await opened().prepare(
      source,
      { ...range, speed, ...(where === undefined ? {} : { where }) },
      signal,
    );
    const plan: ReplayPlan = { run: request.run, namespace: request.namespace, entries: request.total ?? 0 };
    if (dryRun !== false) return c.json(plan);
    const stop = new AbortController();
    running.set(request.run, stop);
    const begun = Promise.withResolvers<void>();
    const performing = opened().start(source, request, {
      signal: AbortSignal.any([stop.signal, closing]),
      onRunning: begun.resolve,
    });
    const told = performing
      .catch((error: unknown) =>
        options.log.warn({ err: error, run: request.run, reason: String(error) }, "a replay of the console failed"),
      )
      .finally(() => {
        running.delete(request.run);
        ending.delete(told);
      });
    ending.add(told);
    // A run that cannot be noted is refused, and one that is answered is listed.
    await Promise.race([begun.promise, performing]);
    return c.json(plan);
  });

  api.post("/replays/:run/cancel", async (c) => {
    allowed(options, await bodyOf(c));
    const run = c.req.param("run");
    const isCancelled = await opened().cancel(run);
    running.get(run)?.abort();
    return c.json({ isCancelled });
  });

  api.get("/component-replays/:id", (c) => {
    const found = componentReplays.find(c.req.param("id"));
    if (found === undefined)
      throw new Refusal(404, "There is no such component replay: it is gone with the console's last start.");
    return c.json(mask.over(found));
  });

  api.post("/component-replays", async (c) => {
    const body = allowed(options, await bodyOf(c));
    const [component, from, to] = [textIn(body, "component"), textIn(body, "from"), textIn(body, "to")];
    if (component === undefined) throw new Refusal(400, "Say which component to replay.");
    const settings = body["settings"] ?? {};
    if (typeof settings !== "object" || settings === null) throw new Refusal(400, "settings must be an object.");
    const id = await componentReplays.begin({
      component,
      settings: settings as Readonly<Record<string, unknown>>,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
    return c.json({ id });
  });

  api.post("/component-replays/:id/cancel", async (c) => {
    allowed(options, await bodyOf(c));
    return c.json({ isCancelled: componentReplays.cancel(c.req.param("id")) });
  });
};

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** @throws {Refusal} on what is no text */
function textIn(body: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new Refusal(400, `${name} must be a text.`);
  return value;
}

/** @throws {Refusal} on what is no speed */
function speedIn(value: unknown): number | "max" | "original" {
  if (value === undefined) return "max";
  if (value === "max" || value === "original" || typeof value === "number") return value;
  throw new Refusal(400, 'speed must be "max", "original" or a number.');
}
