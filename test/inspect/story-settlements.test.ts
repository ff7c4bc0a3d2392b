/** How a story's events were settled: failed attempts, takeovers and members, as the settlement logs tell them. */

import * as assert from "uvu/assert";
import { on, openObserver, PermanentError, storySettlements } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { runCommand } from "../support/command.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

const orders = things("orders", { retry: soon });

test("tells each failed attempt, the attempt that settled the event, and by whom", async () => {
  await using o = await open();
  const [first, dead] = [await o.backbone.publish(orders, { n: 1 }), await o.backbone.publish(orders, { n: 2 })];
  const component = await o.run(
    o.backbone.component("c", [
      on(orders, ({ payload }, { attempt }) => {
        if (payload.n === 2) throw new PermanentError("no such order");
        if (attempt < 3) throw new Error(`not at attempt ${attempt}`);
      }),
    ]),
  );
  await component.whenIdle();
  const settled = await storySettlements(o.backbone, await o.backbone.journey(first.id));
  const [step] = Object.values(settled);
  assert.equal(
    step?.failed.map(({ outcome, attempt, error, isTakenOver }) => [outcome, attempt, error, isTakenOver]),
    [
      ["retried", 1, "not at attempt 1", false],
      ["retried", 2, "not at attempt 2", false],
    ],
  );
  assert.equal([step?.attempt, step?.isTakenOver], [3, false]);
  assert.match(step?.member ?? "", /^c\./);
  const times = [
    ...(step?.failed.flatMap((run) => [run.startedAt, run.endedAt]) ?? []),
    step?.startedAt,
    step?.settledAt,
  ];
  assert.equal(
    times,
    times.toSorted((a, b) => Number(a) - Number(b)),
    "in the order in which they happened",
  );
  const [buried] = Object.values(await storySettlements(o.backbone, await o.backbone.journey(dead.id)));
  assert.equal(
    buried?.failed.map(({ outcome, error }) => [outcome, error]),
    [["deadLettered", "no such order"]],
  );
});

test("tells a takeover, and the owner of a log that names it before, after, or not at all", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { c: "orders" }, 1);
  await log.group("orders", "c");
  const at = Date.now() - 60_000;
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push(await log.append("orders", { id: `e-${n}` }, `${at + n}-0`));
  const settled = `{${log.namespace}:0}:settled:c`;
  const failed = {
    outcome: "owner_lost",
    channel: "orders",
    entryIds: [ids[0]],
    tookMs: 90,
    attempt: 1,
    run: 0,
    epoch: 1,
  };
  const lost = JSON.stringify([{ ...failed, member: "c.gone", claimed: false }]);
  const calls = (id: string | undefined, runs: string): Record<string, string> => ({ calls: `orders ${id}`, runs });
  await log.appendRaw(settled, { ...calls(ids[0], "a.2!"), failed: lost }, `${at + 100}-0`);
  await log.appendRaw(settled, { ...calls(ids[1], "5"), owner: `c.first ${at - 5_000}` }, `${at + 200}-0`);
  await log.appendRaw(settled, calls(ids[2], "7"), `${at + 300}-0`);
  await log.row("c", { orders: { at: ids[2] ?? "" } }, { owner: "c.first/token", epoch: at - 5_000 });
  await using observer = openObserver({ url: log.url, namespace: log.namespace });
  const told = await Promise.all(
    ids.map(async (id) => Object.values(await storySettlements(observer, await observer.journey(`orders/${id}`)))[0]),
  );
  assert.equal(
    told.map((step) => [step?.member, step?.isTakenOver, step?.attempt, step?.settledAt]),
    [
      ["c.first", true, 2, at + 100],
      ["c.first", false, 1, at + 200],
      ["c.first", false, 1, at + 300],
    ],
  );
  assert.equal(told[0]?.failed, [
    {
      outcome: "owner_lost",
      startedAt: at + 10,
      endedAt: at + 100,
      attempt: 1,
      member: "c.gone",
      epoch: 1,
      isTakenOver: false,
      error: "",
    },
  ]);
  const { out } = await runCommand(log, ["journey", "e-0", "--settlements"]);
  assert.match(out, /c: attempt 1 was lost with its owner after 100 ms by c\.gone\n/);
  assert.match(out, /c: settled after 100 ms at attempt 2 by c\.first, taken over\n/);
  const json = JSON.parse((await runCommand(log, ["journey", "e-0", "--settlements", "--json"])).out);
  assert.is(json.settlements[`c 0/orders/${ids[0]}`].isTakenOver, true);
});
