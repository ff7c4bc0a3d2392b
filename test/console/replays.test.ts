/// <reference lib="dom" />
/** Replays in a real browser: into a shadow after a count, cancelled, refused; a component replay with its differences. */

import { setTimeout as delay } from "node:timers/promises";
import * as assert from "uvu/assert";
import { extension } from "../../trading/pipeline/plug-in.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

const handlers = {
  loadComponents: async () => extension.components ?? {},
  loadChannels: async () => extension.channels ?? [],
};

/** Removes the shadows that a test's replays have made. */
async function removeShadows(log: HandWritten): Promise<void> {
  const keys = await log.client.keys(`*${log.namespace}-replay*`);
  if (keys.length > 0) await log.client.unlink(...keys);
}

browserTest("channels are replayed into a shadow after a count, and the run is listed until it is done", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "fills"]);
  for (let n = 0; n < 20; n++)
    await log.append("orders", { id: `e-${n}`, baggage: `user.id=${n % 2 === 0 ? "ann" : "bob"}` });
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/replays");
  await o.page.getByText("This namespace was never replayed.").waitFor();
  await o.page.getByRole("checkbox", { name: "orders" }).check();
  await o.page.getByLabel("only with").fill("user.id=ann");
  await o.page.getByRole("button", { name: "Count first …" }).click();
  const begin = o.page.getByRole("button", { name: "Replay 10 entries" });
  await begin.waitFor();
  assert.is((await log.client.keys(`*${log.namespace}-replay-*`)).length, 0);
  assert.equal(await o.findings(), []);
  await begin.click();
  const row = o.page.getByRole("table", { name: "Runs into other namespaces" }).locator("tbody tr");
  await row.filter({ hasText: "done" }).waitFor();
  assert.match((await row.textContent()) ?? "", /10 of 10/);
  const shadow = (await log.client.keys(`{${log.namespace}-replay-*}:orders`))[0] ?? "";
  assert.is(await log.client.xlen(shadow), 10);
  assert.is(await log.client.xlen(log.stream("orders")), 20);
  // The story of an original names the event that the replay made of it.
  await o.view("/story?q=e-0");
  await o.page.getByText(/by r-\w+/).waitFor();
  await removeShadows(log);
});

browserTest("what was counted for one wish begins nothing for another", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  for (const user of ["ann", "ann", "bob"]) await log.append("orders", { id: `e-${user}`, baggage: `user.id=${user}` });
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/replays");
  await o.page.getByRole("checkbox", { name: "orders" }).check();
  await o.page.getByLabel("only with").fill("user.id=ann");
  const count = o.page.getByRole("button", { name: "Count first …" });
  const begin = o.page.getByRole("button", { name: /^Replay \d/ });
  for (const change of [
    () => o.page.getByLabel("only with").fill(""),
    () => o.page.getByLabel("from (UTC)").fill("2020-01-02T12:02:00"),
    () => o.page.getByLabel("to (UTC)").fill("2040-01-02T12:02:00"),
  ]) {
    await count.click();
    await begin.waitFor();
    await change();
    await begin.waitFor({ state: "detached" });
  }
});

browserTest("runs are shown where each look at them takes longer than the time between two", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await using o = await openConsole(log);
  await o.page.route("**/api/replays", async (route) => {
    await delay(1_500);
    await route.continue();
  });
  await o.view("/replays");
  await o.page.getByText("This namespace was never replayed.").waitFor();
});

browserTest("a component replay that cannot be cancelled says why", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await using o = await openConsole(log, { allowActions: true });
  const state = { id: "x", component: "algorithm", state: "running", startedAt: 0, events: 1, error: "" };
  await o.page.route("**/api/component-replays/x", (route) => route.fulfill({ json: state }));
  await o.view("/replays/x");
  await o.page.getByRole("button", { name: "Cancel" }).click();
  await o.page.getByRole("alert").getByText("There is no such component replay.").waitFor();
});

browserTest("the bounds of a replay are UTC, as every time of the console is, wherever the browser is", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  const noon = Date.UTC(2026, 0, 2, 12);
  for (let n = 0; n < 10; n++) await log.append("orders", { id: `e-${n}` }, `${noon + n * 60_000}-1`);
  await using o = await openConsole(log, { allowActions: true, timezoneId: "Asia/Tokyo" });
  await o.view("/replays");
  await o.page.getByRole("checkbox", { name: "orders" }).check();
  await o.page.getByLabel("from (UTC)").fill("2026-01-02T12:02:00");
  await o.page.getByLabel("to (UTC)").fill("2026-01-02T12:05:30");
  await o.page.getByRole("button", { name: "Count first …" }).click();
  await o.page.getByRole("button", { name: "Replay 4 entries" }).waitFor();
});

browserTest("the filter of a replay is masked as its attribute is, for everybody who lists the runs", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  for (const user of ["anabel", "b"]) await log.append("orders", { id: `e-${user}`, baggage: `user.id=${user}` });
  await using o = await openConsole(log, { allowActions: true, mask: ["user.id"] });
  await o.view("/replays");
  const listed = await o.page.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    for (const user of ["anabel", "b"]) {
      const wish = { channels: ["orders"], where: `user.id=${user}`, speed: "max", dryRun: false };
      await fetch("/api/replays", { method: "POST", headers, body: JSON.stringify(wish) });
    }
    return (await fetch("/api/replays")).text();
  });
  const { runs } = JSON.parse(listed) as { runs: { request: { where: string } }[] };
  assert.is(runs.length, 2);
  for (const { request } of runs) assert.match(request.where, /^user\.id=‹user\.id [0-9a-f]{8}›$/);
  assert.not.match(listed, /anabel/);
  await removeShadows(log);
});

browserTest("a replay that runs is cancelled", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  const begin = Date.now() - 3_600_000;
  for (let n = 0; n < 10; n++) await log.append("orders", { id: `e-${n}` }, `${begin + n * 300_000}-1`);
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/replays");
  // At its original pace it would take most of an hour.
  await o.page.evaluate(() =>
    fetch("/api/replays", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ channels: ["orders"], speed: "original", dryRun: false }),
    }),
  );
  const row = o.page.getByRole("table", { name: "Runs into other namespaces" }).locator("tbody tr");
  await row.filter({ hasText: "running" }).waitFor();
  await row.getByRole("button", { name: "Cancel" }).click();
  await row.filter({ hasText: "cancelled" }).waitFor();
  await removeShadows(log);
});

browserTest("without --allow-actions no replay begins, and a wish that is none is a sentence", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.append("orders", { id: "e-1" });
  const post = (o: Awaited<ReturnType<typeof openConsole>>, path: string, body: object): Promise<string> =>
    o.page.evaluate(
      async ([to, json]) => {
        const headers = { "content-type": "application/json" };
        const response = await fetch(to ?? "", { method: "POST", headers, body: json ?? "" });
        return `${response.status} ${await response.text()}`;
      },
      [path, JSON.stringify(body)],
    );
  await using reading = await openConsole(log);
  await reading.view("/replays");
  await reading.page.getByText("The console only reads.").waitFor();
  for (const path of [
    "/api/replays",
    "/api/replays/r-1/cancel",
    "/api/component-replays",
    "/api/component-replays/x/cancel",
  ]) {
    assert.match(await post(reading, path, { channels: ["orders"], dryRun: false }), /^403 .*nothing was done/);
  }
  await using acting = await openConsole(log, { allowActions: true });
  await acting.view("/replays");
  assert.match(await post(acting, "/api/replays", { channels: [] }), /^400 .*which channels/);
  assert.match(await post(acting, "/api/replays", { channels: ["elsewhere"] }), /^409 .*elsewhere/);
  assert.match(await post(acting, "/api/replays", { channels: ["orders"], speed: "warp" }), /^400 .*speed must be/);
  assert.match(await post(acting, "/api/replays/r-none/cancel", {}), /^409 .*r-none/);
  assert.match(
    await post(acting, "/api/component-replays", { component: "algorithm" }),
    /^409 .*--module algorithm=FILE/,
  );
  assert.equal(await log.client.keys(`*${log.namespace}-repl*`), []);
});

browserTest(
  "a component replay shows that nothing changed, and with a setting which orders and fields did",
  async () => {
    await using pipeline = await startPipeline();
    await pipeline.place(1, 6);
    await using o = await openConsole(pipeline, { allowActions: true, ...handlers });
    await o.view("/replays");
    await o.page.getByRole("combobox").selectOption("algorithm");
    await o.page.getByRole("button", { name: "Run over the log" }).click();
    await o.page.getByText("They are the same.").waitFor();
    await o.page.getByRole("link", { name: "All replays" }).click();
    await o.page.getByRole("combobox").selectOption("algorithm");
    await o.page.getByLabel("settings").fill('{"exchange": "other"}');
    await o.page.getByRole("button", { name: "Run over the log" }).click();
    await o.page.getByText("They differ.").waitFor();
    const differences = o.page.getByRole("table", { name: /old and new side by side/ });
    const text = (await differences.textContent()) ?? "";
    assert.match(text, /exchange-orders/);
    assert.match(text, /payload\.exchange/);
    assert.match(text, /"simulated".*"other"/);
    assert.match(text, /client\.order_id o-\d/);
    assert.equal(await o.findings(), []);
    // Orders of the other symbol were netted apart from it.
    assert.match(text, /client\.order_id [^;]*o-2/);
    await o.page.getByLabel("Only about").fill("client.order_id=o-1");
    await differences.filter({ hasNotText: /client\.order_id [^;]*o-2/ }).waitFor();
    assert.match((await differences.textContent()) ?? "", /o-1/);
    await o.page.getByRole("link", { name: "All replays" }).click();
    await o.page.getByRole("list", { name: "Component replays of this console" }).getByRole("link").nth(1).waitFor();
  },
);
