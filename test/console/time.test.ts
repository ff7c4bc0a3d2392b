/** Time in a real browser: the components' state for an order after each of its settlements. */

import * as assert from "uvu/assert";
import { connectBackbone } from "../../src/index.ts";
import type { StoryStates } from "../../src/replay.ts";
import { extension } from "../../trading/pipeline/plug-in.ts";
import { runCommand, tradingPlugIn } from "../support/command.ts";
import { test } from "../support/test.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

browserTest(
  "a slider goes through an order's settlements, and shows the state after each, old and new",
  async () => {
    await using pipeline = await startPipeline();
    await pipeline.place(1, 4);
    await using o = await openConsole(pipeline, { loadComponents: async () => extension.components ?? {} });
    await o.view("/story?q=client.order_id%3Do-2");
    await o.page.getByRole("link", { name: "State over time" }).click();
    const slider = o.page.getByRole("slider");
    await slider.waitFor();
    const steps = Number(await slider.getAttribute("max"));
    // The Order Manager and the algorithm settle the order, the order sender what came of it, and both its execution.
    assert.ok(steps >= 4, `${steps} settlements`);
    const states = o.page.locator("main section[aria-label^='order-manager']").first();
    await slider.fill(String(steps));
    assert.match((await states.textContent()) ?? "", /"executedQuantity": 100|"executed": 100|100/);
    const last = (await o.page.locator("main").textContent()) ?? "";
    assert.equal(await o.findings(), []);
    await slider.focus();
    await slider.press("Home");
    await o.page.getByText(`Settlement 1 of ${steps}`).waitFor();
    await o.page.getByText("not there").first().waitFor();
    const first = (await o.page.locator("main").textContent()) ?? "";
    assert.is.not(first, last);
    assert.match(new URL(o.page.url()).search, /step=1/);
    await o.page.reload();
    await o.page.getByText(`Settlement 1 of ${steps}`).waitFor();
  },
  { timeoutMs: 120_000 },
);

browserTest(
  "a step of a story shows the state that it wrote, old and new",
  async () => {
    await using pipeline = await startPipeline();
    await pipeline.place(1, 2);
    await using o = await openConsole(pipeline, { loadComponents: async () => extension.components ?? {} });
    await o.view("/story?q=client.order_id%3Do-2");
    await o.page.locator(".bar[role=status]").waitFor({ state: "detached" });
    await o.page.locator("table.waterfall").getByRole("button", { name: "executions" }).first().click();
    await o.page.getByRole("button", { name: "Show the state that it wrote" }).click();
    const written = o.page.getByRole("region", { name: "State written" });
    const key = written.getByRole("region", { name: /^order-manager orders/ }).first();
    await key.waitFor();
    assert.match((await key.textContent()) ?? "", /before.*"executed".*after.*"executed"/s);
    assert.equal(await o.findings(), []);
  },
  { timeoutMs: 120_000 },
);

browserTest("components whose handlers the console does not have are named", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 1);
  await using o = await openConsole(pipeline);
  await o.view("/time?q=client.order_id%3Do-1");
  await o.page.getByText(/The console has no handlers of .*algorithm/).waitFor();
  await o.page.getByText("No settlement of the story is told.").waitFor();
  assert.equal(await o.findings(), []);
});

test("throughline states prints the same, as text and as JSON, and 1 where nothing is told", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 4);
  const args = ["states", "client.order_id=o-2"];
  const { code, out } = await runCommand(pipeline, [...args, "--json"], { plugIn: tradingPlugIn });
  const { steps, without } = JSON.parse(out) as StoryStates;
  assert.equal([code, without], [0, []]);
  const last = steps.findLast(({ component }) => component === "order-manager");
  assert.equal(
    last?.writes.map(({ store, key }) => [store, key]),
    [["orders", "user-2:o-2"]],
  );
  const after = last?.writes[0]?.after ?? {};
  const { order, executed } = after as { order: { quantity: number }; executed: number };
  assert.is(executed, order.quantity);
  // What is told of the end is what Redis has.
  await using backbone = await connectBackbone({ url: pipeline.url, namespace: pipeline.namespace });
  assert.equal(await backbone.view("order-manager", "orders").get("user-2:o-2"), after);
  const text = await runCommand(pipeline, args, { plugIn: tradingPlugIn });
  assert.match(
    text.out,
    /order-manager {2}settled client-orders client-order:user-2:o-2\n {3}orders user-2:o-2\n {5}\+ \{/,
  );
  const bare = await runCommand(pipeline, args);
  assert.is(bare.code, 1);
  assert.match(bare.err, /The handlers of .*order-manager.* were not given: --module NAME=FILE/);
});
