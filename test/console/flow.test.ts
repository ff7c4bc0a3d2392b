/// <reference lib="dom" />
/** The flow in a real browser: what is wired, what flows, what is wrong, Redis away and back. */

import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { redisUrl } from "../support/redis.ts";
import { openBehindProxy } from "./behind-proxy.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

browserTest("the flow shows the real pipeline as it is wired, and what flows", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 5);
  await using o = await openConsole(pipeline);
  await o.view("/");
  const graph = o.page.locator(".graph");
  // Seven pairs consume, four outputs are published (exchange-orders, venue-orders, executions, fills), and a source brings reports. No
  // delivery waits until its output is noted in the namespace's description, so that the first look may come before it.
  await graph.locator("path.edge").nth(11).waitFor({ state: "attached" });
  assert.is(await graph.locator("path.edge").count(), 12);
  const names = await graph.locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  for (const channel of ["client-orders", "exchange-orders", "fills", "executions"])
    assert.ok(names.includes(`/channel/${channel}`), channel);
  for (const component of ["order-manager", "algorithm", "order-sender"])
    assert.ok(names.includes(`/component/${component}`), component);
  assert.equal(await o.findings(), []);
  const entries = (): Promise<string | null> =>
    o.page
      .locator("table[aria-labelledby=channels] tr", { hasText: "client-orders" })
      .locator("td")
      .nth(2)
      .textContent();
  assert.is(await entries(), "5");
  await pipeline.place(6, 9);
  await o.page
    .locator("table[aria-labelledby=channels] tr", { hasText: "client-orders" })
    .locator("td", { hasText: /^9$/ })
    .waitFor();
  await graph.locator("a[href='/channel/fills']").click();
  assert.is(new URL(o.page.url()).pathname, "/channel/fills");
});

browserTest("what is wrong stands out: a dead letter, a partition that nobody owns, damage", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "fills"], { algorithm: "orders" });
  await log.append("orders", { id: "e-1" });
  await log.append("fills", { id: "f-1" }, "18446744073709551615-18446744073709551615");
  await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, { id: "e-1", "dead-entry": "1-1" });
  await using o = await openConsole(log);
  await o.view("/");
  const wrong = o.page.locator("ul[aria-label='What is wrong']");
  await wrong.waitFor();
  assert.match((await wrong.textContent()) ?? "", /fills: Blocked: its last id is the greatest there is/);
  // The channel that is blocked, and the component that nobody runs.
  assert.is(await o.page.locator(".graph a.wrong").count(), 2);
  assert.equal(await o.findings(), []);
});

browserTest("a source stands before its channel, with how far it has read, and who runs it", async () => {
  await using log = new HandWritten();
  await log.describe(["reports"]);
  await log.append("reports", { id: "r-1" });
  await log.client.hset(`${log.namespace}:meta`, "source:venue", "reports single");
  await using o = await openConsole(log);
  await o.view("/");
  await o.page.locator(".graph a.source", { hasText: "venue" }).waitFor();
  assert.is(await o.page.locator(".graph path.edge").count(), 1);
  const row = o.page.getByRole("table", { name: "Sources" }).locator("tbody tr");
  assert.equal((await row.locator("td").allTextContents()).slice(0, 4), ["venue", "reports", "0", "nobody"]);
  await o.page.getByRole("listitem").filter({ hasText: "source venue: Nobody runs it for partition 0" }).waitFor();
  assert.equal(await o.findings(), []);
});

browserTest("two hundred channels and twenty components stay readable, dark, and on a phone", async () => {
  await using log = new HandWritten();
  const channels = Array.from({ length: 200 }, (_, i) => `channel-${String(i).padStart(3, "0")}`);
  const components = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`component-${i}`, channels.slice(i * 10, i * 10 + 12).join(",")]),
  );
  await log.describe(channels, components);
  await Promise.all(channels.map((channel) => log.append(channel, { id: channel })));
  for (const [component, consumed] of Object.entries(components)) {
    for (const channel of consumed.split(",")) await log.group(channel, component);
  }
  await using o = await openConsole(log, { colorScheme: "dark", viewport: { width: 390, height: 800 } });
  await o.view("/");
  await o.page.locator(".graph a").nth(219).waitFor();
  const boxes = await o.page
    .locator(".graph a rect")
    .evaluateAll((all) =>
      all.map((one) => ["x", "y", "width", "height"].map((name) => Number(one.getAttribute(name)))),
    );
  const overlapping = boxes.filter(([x = 0, y = 0, w = 0, h = 0], i) =>
    boxes.slice(i + 1).some(([a = 0, b = 0, c = 0, d = 0]) => x < a + c && a < x + w && y < b + d && b < y + h),
  );
  assert.is(overlapping.length, 0);
  await o.page.getByLabel("Show names with").fill("component-7");
  await o.page.waitForFunction(() => document.querySelectorAll(".graph a").length === 13);
  assert.ok(await o.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
  assert.equal(await o.findings(), []);
});

browserTest("Redis that goes away is said, what was seen stays, and it comes back by itself", async () => {
  await using behind = await openBehindProxy();
  const { proxy, log, o } = behind;
  await o.view("/");
  await o.page.locator(".graph a").first().waitFor();
  proxy.refuse();
  proxy.cut();
  await o.page.locator(".banner", { hasText: "does not answer" }).waitFor();
  assert.is(await o.page.locator(".graph a").count(), 1);
  proxy.heal();
  await o.page.locator(".banner").waitFor({ state: "detached" });
  await log.append("orders", { id: "e-2" });
  await o.page.locator("table[aria-labelledby=channels] td", { hasText: /^2$/ }).waitFor();
  await o.page.reload();
  await o.page.locator(".graph a").first().waitFor();
});

browserTest("a namespace that vanishes while one looks is said", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.append("orders", { id: "e-1" });
  await using o = await openConsole({ url: redisUrl(), namespace: log.namespace });
  await o.view("/");
  await o.page.locator(".graph a").first().waitFor();
  await log.client.del(`${log.namespace}:meta`, log.stream("orders"));
  await o.page.locator(".banner", { hasText: "Nothing has used namespace" }).waitFor();
});

browserTest("a tab in the background asks for nothing", async () => {
  // A server of its own: what other tests ask is not counted.
  await using redis = await startPrivateRedis();
  await using log = new HandWritten(redis.url);
  await log.describe(["orders"]);
  await log.append("orders", { id: "e-1" });
  await using o = await openConsole({ url: redis.url, namespace: log.namespace });
  await o.view("/");
  await o.page.locator(".graph a").first().waitFor();
  const show = (state: string): Promise<void> =>
    o.page.evaluate((value) => {
      Object.defineProperty(document, "visibilityState", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  const commands = async (): Promise<number> =>
    Number(/cmdstat_xinfo\|stream:calls=(\d+)/.exec(await log.client.info("commandstats"))?.[1] ?? 0);
  const closed = o.page.waitForEvent("requestfailed", (request) => request.url().endsWith("/api/live"));
  await show("hidden");
  await closed;
  // The look that is under way may end; after it there are none, although one comes every 600 ms while somebody looks.
  let before = await commands();
  for (let looks = 0; looks < 3; looks++) {
    await o.page.waitForTimeout(1_500);
    const after = await commands();
    if (after === before) break;
    before = after;
    assert.is.not(looks, 2, "it goes on looking");
  }
  await show("visible");
  await log.append("orders", { id: "e-2" });
  await o.page.locator("table[aria-labelledby=channels] td", { hasText: /^2$/ }).waitFor();
});
