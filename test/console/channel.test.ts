/// <reference lib="dom" />
/** A channel in a real browser: live, paused, filtered, older. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { openBehindProxy } from "./behind-proxy.ts";
import { browserTest, openConsole } from "./browser.ts";

browserTest("entries come as they are appended; a pause holds them, and going on shows them", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.append("orders", { id: "e-1", key: "k", baggage: "user.id=ann" });
  await using o = await openConsole(log);
  await o.view("/channel/orders");
  const rows = o.page.locator("table tbody tr");
  await rows.first().waitFor();
  await o.page.getByText("Live.").waitFor();
  await log.append("orders", { id: "e-2" });
  await rows.filter({ hasText: "e-2" }).waitFor();
  assert.equal(await rows.locator("td:nth-child(3)").allTextContents(), ["e-2", "e-1"]);
  await o.page.getByRole("button", { name: "Pause" }).click();
  await log.append("orders", { id: "e-3" });
  await o.page.getByRole("button", { name: "Go on (1 new)" }).waitFor();
  assert.is(await rows.count(), 2);
  await o.page.getByRole("button", { name: "Go on" }).click();
  await rows.filter({ hasText: "e-3" }).waitFor();
  assert.equal(await o.findings(), []);
  await rows.filter({ hasText: "e-1" }).getByRole("button").click();
  await o.page.locator("pre").waitFor();
  await rows.filter({ hasText: "e-1" }).getByRole("link", { name: "e-1" }).click();
  await o.page.locator("table.waterfall").waitFor();
});

browserTest("an entry whose times no calendar covers is shown with the numbers that it has", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  // A producer that writes nanoseconds, and the greatest id that there is.
  await log.append("orders", { id: "e-1", time: 1_796_025_081_227_000_000 }, "18446744073709551615-1");
  await using o = await openConsole(log);
  await o.view("/channel/orders");
  const rows = o.page.locator("table tbody tr");
  await rows.filter({ hasText: "e-1" }).getByRole("button").click();
  await o.page.getByText("1796025081227000000 UTC, by its producer").waitFor();
  await o.page.getByText("Live.").waitFor();
  await log.append("orders", { id: "e-2" }, "18446744073709551615-2");
  await rows.filter({ hasText: "e-2" }).waitFor();
  await rows.filter({ hasText: "e-2" }).getByRole("link", { name: "e-2" }).click();
  await o.page.locator("table.waterfall").waitFor();
});

browserTest("a filter by an attribute holds for what is there and for what comes", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  for (let n = 0; n < 6; n++)
    await log.append("orders", { id: `e-${n}`, baggage: `user.id=${n % 2 === 0 ? "ann" : "bob"}` });
  await using o = await openConsole(log);
  await o.view("/channel/orders");
  const field = o.page.getByLabel("Only with");
  await field.fill("nonsense");
  assert.ok(await o.page.getByRole("button", { name: "Filter" }).isDisabled());
  await field.fill("user.id=ann");
  await o.page.getByRole("button", { name: "Filter" }).click();
  const ids = o.page.locator("table tbody tr td:nth-child(3)");
  await o.page.waitForFunction(() => document.querySelectorAll("table tbody tr").length === 3);
  assert.equal(await ids.allTextContents(), ["e-4", "e-2", "e-0"]);
  await o.page.getByText("Live.").waitFor();
  await log.append("orders", { id: "e-7", baggage: "user.id=bob" });
  await log.append("orders", { id: "e-8", baggage: "user.id=ann" });
  await ids.filter({ hasText: "e-8" }).waitFor();
  assert.equal(await ids.allTextContents(), ["e-8", "e-4", "e-2", "e-0"]);
});

browserTest("older entries are a page further, and lead back to the live ones", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  for (let n = 0; n < 250; n++) await log.append("orders", { id: `e-${n}` });
  await using o = await openConsole(log);
  await o.view("/channel/orders");
  const ids = o.page.locator("table tbody tr td:nth-child(3)");
  await ids.first().waitFor();
  assert.equal([await ids.first().textContent(), await ids.last().textContent()], ["e-249", "e-150"]);
  await o.page.getByRole("link", { name: "Older" }).click();
  await ids.filter({ hasText: /^e-149$/ }).waitFor();
  await o.page.getByRole("link", { name: "Older" }).click();
  await ids.filter({ hasText: /^e-0$/ }).waitFor();
  assert.is(await ids.count(), 50);
  await o.page.goBack();
  await ids.filter({ hasText: /^e-149$/ }).waitFor();
  await o.page.getByRole("link", { name: "Live" }).click();
  await ids.filter({ hasText: /^e-249$/ }).waitFor();
});

browserTest("an entry that is no event is shown with the reason, and a channel that is not there is said", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.appendRaw(log.stream("orders"), { nonsense: "x" });
  await using o = await openConsole(log);
  await o.view("/channel/orders");
  await o.page.locator("td", { hasText: "unreadable:" }).waitFor();
  await o.view("/channel/elsewhere");
  await o.page.getByText("Nothing was ever appended to a channel of this name.").waitFor();
  await o.page.getByText("There are no such entries.").waitFor();
});

browserTest("a tail goes on by itself when Redis was away and comes back, and misses nothing", async () => {
  await using behind = await openBehindProxy();
  const { proxy, log, o } = behind;
  await o.view("/channel/orders");
  const ids = o.page.locator("table tbody tr td:nth-child(3)");
  await o.page.getByText("Live.").waitFor();
  await log.append("orders", { id: "e-2" });
  await ids.filter({ hasText: "e-2" }).waitFor();
  proxy.refuse();
  proxy.cut();
  await log.append("orders", { id: "e-3" });
  await o.page.locator(".banner", { hasText: "does not answer" }).waitFor();
  proxy.heal();
  await log.append("orders", { id: "e-4" });
  await ids.filter({ hasText: "e-4" }).waitFor();
  assert.equal(await ids.allTextContents(), ["e-4", "e-3", "e-2", "e-1"]);
});
