/** The addresses of dead letters: groups, pages, and the two actions, each with a dry run before it. */

import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetters,
  deadLetterJson,
  type LetterCount,
  type RedriveOutcome,
} from "../../index.ts";
import type { DeadLetterAction, DeadLetterGroups, DeadLetterOutcome, DeadLetterPage } from "../shapes.ts";
import { allowed, bodyOf } from "./actions.ts";
import { cutEvent } from "./listed.ts";
import { Refusal } from "./refusal.ts";
import type { AddRoutes } from "./routes.ts";

const pageSize = 100;
/** Most letters that are grouped: beyond them a person wants the command line. */
const maxGrouped = 100_000;
const minuteMs = 60_000;

export const deadLetters: AddRoutes = (api, { options, operator, mask }) => {
  api.get("/dead/groups", async (c) => {
    const groups = new Map<string, { -readonly [K in keyof LetterCount]: LetterCount[K] }>();
    const perMinute = new Map<number, number>();
    let total = 0;
    for await (const { channel, component, code, diedAt } of operator.deadLetters().list({ limit: maxGrouped })) {
      total++;
      const kind = `${channel} ${component} ${code}`;
      const group = groups.get(kind) ?? { channel, component, code, count: 0, oldestAt: diedAt, newestAt: diedAt };
      groups.set(kind, { ...group, count: group.count + 1, newestAt: Math.max(group.newestAt, diedAt) });
      const minute = Math.floor(diedAt / minuteMs) * minuteMs;
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
    }
    return c.json({
      total,
      isWhole: total < maxGrouped,
      groups: [...groups.values()].sort((a, b) => b.count - a.count),
      perMinute: [...perMinute].sort(([a], [b]) => a - b).slice(-1_440),
    } satisfies DeadLetterGroups);
  });

  api.get("/dead", async (c) => {
    const { channel, component, code, from, letter } = c.req.query();
    const filter: DeadLetterFilter = {
      limit: pageSize + 1,
      ...(code === undefined ? {} : { code }),
      ...(from === undefined ? {} : { from }),
      ...(letter === undefined ? {} : { ids: [letter] }),
    };
    const letters: DeadLetter[] = [];
    for await (const one of scopeOf(operator, channel, component).list(filter)) letters.push(one);
    const page = letters.slice(0, pageSize).map((one) => {
      const json = deadLetterJson(one);
      return { ...json, event: cutEvent(json.event) };
    });
    return c.json(mask.over({ letters: page, hasMore: letters.length > pageSize } satisfies DeadLetterPage));
  });

  api.post("/dead/redrive", async (c) => {
    const action = actionOf(allowed(options, await bodyOf(c)));
    return c.json(
      await perform(scopeOf(operator, action.channel, action.component), action, (letters, filter) =>
        action.dryRun ? letters.rehearse(filter) : letters.redrive(filter),
      ),
    );
  });

  api.post("/dead/purge", async (c) => {
    const action = actionOf(allowed(options, await bodyOf(c)));
    return c.json(
      await perform(scopeOf(operator, action.channel, action.component), action, async (letters, filter) =>
        action.dryRun ? { purged: (await letters.count(filter)).total } : letters.purge(filter),
      ),
    );
  });
};

function scopeOf(
  operator: { deadLetters(scope: { channel?: string; component?: string }): DeadLetters },
  channel: string | undefined,
  component: string | undefined,
): DeadLetters {
  return operator.deadLetters({
    ...(channel === undefined ? {} : { channel }),
    ...(component === undefined ? {} : { component }),
  });
}

type Outcomes = Readonly<Partial<Record<RedriveOutcome | "purged", number>>>;

/** Counts the letters, and does it. Letters that come after the dry run are left alone. */
async function perform(
  letters: DeadLetters,
  { code, ids, where, to }: DeadLetterAction,
  act: (letters: DeadLetters, filter: DeadLetterFilter) => Promise<Outcomes>,
): Promise<DeadLetterOutcome> {
  const filter: DeadLetterFilter = {
    ...(code === undefined ? {} : { code }),
    ...(ids === undefined ? {} : { ids }),
    ...(where === undefined ? {} : { where }),
    ...(to === undefined ? {} : { to }),
  };
  let matched = 0;
  let last = to ?? "";
  for await (const { id } of letters.list(filter)) {
    matched++;
    if (to === undefined) last = id;
  }
  if (matched === 0) return { matched, outcomes: {}, to: last };
  const outcomes = Object.entries(await act(letters, { ...filter, to: last })).filter(([, count]) => count > 0);
  return { matched, outcomes: Object.fromEntries(outcomes), to: last };
}

/** @throws {Refusal} on a wish that is none, and on one without the bound that its dry run gave */
function actionOf(body: Readonly<Record<string, unknown>>): DeadLetterAction {
  const known = ["channel", "component", "code", "where", "to"] as const;
  const text = Object.fromEntries(
    known.flatMap((name): [string, string][] => {
      const value = body[name];
      if (value === undefined) return [];
      if (typeof value !== "string") throw new Refusal(400, `${name} must be a text.`);
      return [[name, value]];
    }),
  );
  const { ids, dryRun } = body;
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string"))) {
    throw new Refusal(400, "ids must be a list of texts.");
  }
  const isDry = dryRun !== false;
  if (!isDry && text["to"] === undefined) {
    throw new Refusal(
      400,
      "A dry run comes first: its answer names the newest letter, which this wish must name as well.",
    );
  }
  return { ...text, ...(ids === undefined ? {} : { ids }), dryRun: isDry };
}
