/// <reference lib="dom" />
/** A component in a real browser: owners, positions, members, and what its numbers were. */

import * as assert from "uvu/assert";
import type { AttemptCounts } from "../../src/index.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { runCommand } from "../support/command.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

browserTest("a component of the real pipeline shows who owns its partitions, and where each stands", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 4);
  await using o = await openConsole(pipeline);
  await o.view("/component/algorithm");
  const partitions = o.page.getByRole("table", { name: "Partitions" });
  await partitions.waitFor();
  assert.is(await partitions.locator("tbody tr").count(), 8); // four partitions of two channels
  const text = (await partitions.textContent()) ?? "";
  assert.match(text, /algorithm\.[\w.-]+/);
  assert.match(text, /client-orders/);
  assert.match(text, /fills/);
  const members = o.page.getByRole("table", { name: "Members" });
  assert.match((await members.textContent()) ?? "", new RegExp(String(process.pid)));
  await o.page.getByText("Publishes to").getByRole("link", { name: "exchange-orders" }).waitFor();
  await o.page.locator(".uplot canvas").first().waitFor();
  assert.is(await o.page.locator(".uplot canvas").count(), 4);
  assert.equal(await o.findings(), []);
  // A reload in the middle shows the same, with the numbers from before.
  await o.page.reload();
  await partitions.waitFor();
});

browserTest("what a component has open, parked and dead is counted; a silent owner is named so", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.group("orders", "algorithm");
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await log.append("orders", { id: `e-${n}` }));
  await log.row("algorithm", { orders: { at: ids[3] ?? "", open: ids[1] ?? "" } }, { owner: "gone/token" });
  await log.park("orders", "algorithm", ids[2] ?? "", 1_700_000_000_000);
  await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, { id: "e-0" });
  await using o = await openConsole(log);
  await o.view("/component/algorithm");
  const row = o.page.getByRole("table", { name: "Partitions" }).locator("tbody tr");
  await row.waitFor();
  const cells = await row.locator("td").allTextContents();
  assert.equal([cells[0], cells[1], cells[5], cells[6]], ["0", "gone, silent", "orders", ids[3]]);
  assert.equal([cells[7], ...cells.slice(9)], ["1", "1", "1", "1"]);
  await o.page.getByText("Nobody owns partition 0").waitFor();
  await o.view("/component/nobody");
  await o.page.getByText("No component of this name has ever run.").waitFor();
});

browserTest("attempts over time are told from the settlement log, also of before somebody looked", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.group("orders", "algorithm");
  await log.append("orders", { id: "e-1" });
  // Two minutes ago, in the middle of a stretch of ten seconds.
  const at = Math.floor((Date.now() - 120_000) / 10_000) * 10_000 + 5_000;
  const run = { channel: "orders", entryIds: ["1-1"], attempt: 1, run: 0, claimed: false, epoch: 1, tookMs: 1 };
  const failed = [
    { ...run, outcome: "retried" },
    { ...run, outcome: "conflict" },
    { ...run, outcome: "deadLettered" },
  ];
  const settled = `{${log.namespace}:0}:settled:algorithm`;
  const fields = { calls: `orders ${Array.from({ length: 20 }, (_, n) => `1-${n}`).join(" ")}` };
  await log.appendRaw(settled, { ...fields, failed: JSON.stringify(failed) }, `${at}-0`);
  const { out } = await runCommand(log, ["attempts", "algorithm", "--every", "10", "--json"]);
  const counts = JSON.parse(out) as AttemptCounts[];
  const there = counts.filter((one) => one.settled + one.retried > 0);
  assert.equal(there, [{ at: at - 5_000, settled: 20, retried: 1, conflicts: 1, deadLettered: 1, ownerLost: 0 }]);
  assert.match((await runCommand(log, ["attempts", "algorithm"])).out, /settled +retried +conflicts +dead +owner lost/);
  await using o = await openConsole(log);
  const told = o.page.waitForResponse((response) => response.url().includes("/attempts"));
  await o.view("/component/algorithm");
  await told;
  const chart = o.page.locator("figure", { hasText: "Attempts a second, by how they ended" });
  await chart.locator("canvas").waitFor();
  // The chart spans the ten minutes from before the look, and its drawn line is not all zero.
  await o.page.waitForFunction(() => {
    const canvas = [...document.querySelectorAll("figure")]
      .find((one) => one.textContent?.includes("by how they ended"))
      ?.querySelector("canvas");
    if (canvas === null || canvas === undefined) return false;
    const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, Math.floor(canvas.height / 2)) ?? {
      data: [],
    };
    // Coloured points in the upper half: only a peak reaches there; the grid is grey.
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [red = 0, green = 0, blue = 0, alpha = 0] = data.slice(i, i + 4);
      if (alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured++;
    }
    return coloured > 10;
  });
  assert.equal(await o.findings(), []);
});
