/// <reference lib="dom" />
/** The console on a phone: nothing scrolls sideways but tables, words stay whole, and axe finds nothing, in any view. */

import * as assert from "uvu/assert";
import { extension } from "../../trading/pipeline/plug-in.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

const order = "client.order_id%3Do-2";
const views: readonly (readonly [address: string, there: string])[] = [
  ["/", ".graph.fitted a"],
  ["/channel/client-orders", "tbody tr"],
  ["/component/algorithm", "tbody tr"],
  ["/dead", ".good-text"],
  ["/replays", "fieldset"],
  [`/search?q=${order}`, "tbody tr"],
  [`/story?q=${order}`, ".waterfall tbody tr"],
  [`/time?q=${order}`, "input[type=range]"],
];

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(
    `on a phone, ${colorScheme}, each view fits, and axe finds nothing`,
    async () => {
      await using pipeline = await startPipeline();
      await pipeline.place(1, 2);
      await using o = await openConsole(pipeline, {
        colorScheme,
        allowActions: true,
        viewport: { width: 375, height: 740 },
        loadComponents: async () => extension.components ?? {},
      });
      for (const [address, there] of views) {
        await o.view(address);
        await o.page.locator(there).first().waitFor();
        const beyond = await o.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(beyond <= 0, `${address} scrolls sideways by ${beyond} px`);
        assert.equal(await o.findings(), [], address);
      }
    },
    // Eight views, each searched by axe, in a browser that shares two cores.
    { timeoutMs: 150_000 },
  );
}

browserTest("a list leaves out what an opened entry has, and a column is as wide as its words", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 4);
  await using o = await openConsole(pipeline, { viewport: { width: 375, height: 740 } });
  await o.view("/channel/client-orders");
  const row = o.page.locator("tbody tr").first();
  await row.waitFor();
  assert.equal(await o.page.locator("thead th:visible").allTextContents(), ["appended (UTC)", "event, to its story"]);
  await row.getByRole("button").click();
  await o.page.locator("pre").waitFor();
  await o.view("/component/algorithm");
  const owner = o.page.getByRole("table", { name: "Partitions" }).locator("tbody tr:first-child td:nth-child(2) .text");
  await owner.waitFor();
  const [lines, name] = await owner.evaluate((text) => [text.getClientRects().length, text.textContent] as const);
  // A browser may go to the next line behind a hyphen, which the end of a member's name has by chance.
  assert.ok(lines <= name.split("-").length, `the owner's name is broken: ${name} on ${lines} lines`);
});
