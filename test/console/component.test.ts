/** A component in a real browser: owners, positions, members, and what its numbers were. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
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
  assert.is(await o.page.locator(".uplot canvas").count(), 3);
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
