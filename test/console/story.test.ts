/// <reference lib="dom" />
/** Search and story in a real browser: found by id, trace and attribute, across components, both ways, with whatever a payload has. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { browserTest, openConsole } from "./browser.ts";
import { startPipeline } from "./pipeline.ts";

browserTest("an order is found by its attribute, and its story goes through all components", async () => {
  await using pipeline = await startPipeline();
  await pipeline.place(1, 4);
  await using o = await openConsole(pipeline);
  await o.view("/");
  await o.page.getByRole("searchbox").fill("client.order_id=o-3");
  await o.page.getByRole("button", { name: "Find" }).click();
  await o.page.locator("[role=status]", { hasText: "entries read." }).waitFor();
  assert.is(new URL(o.page.url()).pathname, "/search");
  const hits = o.page.locator("table[aria-label='Events found'] tbody tr");
  assert.ok((await hits.count()) >= 3);
  assert.equal(await o.findings(), []);
  await hits.last().getByRole("link").nth(1).click();

  const steps = o.page.locator("table.waterfall tbody tr");
  await o.page.locator(".bar[role=status]").waitFor({ state: "detached" });
  const texts = await steps.allTextContents();
  for (const channel of ["client-orders", "exchange-orders", "fills", "executions"])
    assert.ok(
      texts.some((text) => text.includes(channel)),
      channel,
    );
  assert.match(texts.join(" "), /algorithm settled after/);
  assert.match(texts.join(" "), /order-sender settled after/);
  // Both directions: from the first step to what it led to, and back.
  const chosen = o.page.getByRole("region", { name: "The chosen step" });
  await chosen
    .getByRole("button", { name: /exchange-orders/ })
    .first()
    .click();
  await chosen.locator("h2", { hasText: "exchange-orders" }).waitFor();
  assert.match(new URL(o.page.url()).search, /step=exchange-orders/);
  await chosen
    .getByRole("button", { name: /client-orders/ })
    .first()
    .click();
  await chosen.locator("h2", { hasText: "client-orders" }).waitFor();
  assert.match((await chosen.locator("pre").textContent()) ?? "", /"quantity": 100/);
  assert.equal(await o.findings(), []);

  // The address alone gives the same, also after a reload in the middle.
  await o.page.reload();
  await chosen.locator("h2", { hasText: "client-orders" }).waitFor();
});

browserTest("an event id, a trace id and an entry lead to the story, and a miss is a sentence", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "fills"], { algorithm: "orders" });
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const first = await log.append("orders", { id: "e-1", traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  await log.append("fills", { id: "f-1", causes: ["e-1"], traceparent: `00-${trace}-00f067aa0ba902b8-01` });
  await using o = await openConsole(log);
  for (const query of ["e-1", `trace=${trace}`, trace, `orders/${first}`]) {
    await o.view(`/story?q=${encodeURIComponent(query)}`);
    await o.page.locator("table.waterfall tbody tr", { hasText: "fills" }).waitFor();
    assert.is(await o.page.locator("table.waterfall tbody tr").count(), 2, query);
  }
  await o.view("/story?q=nothing-like-this");
  await o.page.getByText("No event in the log matches").waitFor();
  await o.view("/search?q=nothing-like-this");
  await o.page.getByText("No event matches. 2 of 2 entries read.").waitFor();
});

browserTest("a search tells its first hit while it goes on, says how far it is, and is stopped", async () => {
  await using proxy = await startProxy(redisUrl());
  await using log = new HandWritten();
  await log.describe(["orders"]);
  const now = Date.now();
  await log.append("orders", { id: "wanted", baggage: "user.id=ann" }, `${now - 3_600_000 * 24 * 365}-1`);
  for (let hour = 100; hour > 0; hour--) await log.append("orders", { id: `e-${hour}` }, `${now - 3_600_000 * hour}-1`);
  await log.append("orders", { id: "new", baggage: "user.id=ann" }, `${now}-1`);
  await using o = await openConsole({ url: proxy.url, namespace: log.namespace });
  await o.view("/");
  await o.page.locator(".graph a").first().waitFor();
  // From now on each answer takes most of a second, so that the search takes many.
  proxy.delay("toClient", 700);
  await o.view("/search?q=user.id%3Dann");
  await o.page.getByRole("link", { name: "new" }).waitFor();
  const state = o.page.locator(".bar[role=status]");
  await state.getByText("1 event so far").waitFor();
  await state.getByRole("button", { name: "Stop" }).click();
  await state.getByText(/^1 event\. Stopped: /).waitFor();
  proxy.heal();
  await o.page.reload();
  await state.getByText("2 events. 102 of 102 entries read.").waitFor();
});

browserTest("attempts that failed and a takeover are on the time axis, and said", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.group("orders", "algorithm");
  const at = Date.now() - 60_000;
  const entryId = await log.append("orders", { id: "e-1" }, `${at}-0`);
  const run = { channel: "orders", entryIds: [entryId], attempt: 1, run: 0, claimed: false, epoch: 1 };
  const failed = JSON.stringify([
    { ...run, outcome: "retried", tookMs: 40, error: "<b>no</b>" },
    { ...run, outcome: "owner_lost", tookMs: 30, attempt: 2, member: "algorithm.gone" },
  ]);
  const settled = `{${log.namespace}:0}:settled:algorithm`;
  await log.appendRaw(settled, { calls: "", failed, owner: `algorithm.old ${at - 9_000}` }, `${at + 50}-0`);
  await log.appendRaw(
    settled,
    { calls: `orders ${entryId}`, runs: "64.3!", owner: `algorithm.new ${at + 500}` },
    `${at + 1_000}-0`,
  );
  await log.row("algorithm", { orders: { at: entryId } }, { owner: "algorithm.new/token" });
  await using o = await openConsole(log);
  await o.view(`/story?q=orders%2F${entryId}`);
  const step = o.page.locator("table.waterfall tbody tr");
  await step.waitFor();
  const kinds = await step.locator("rect").evaluateAll((bars) => bars.map((bar) => bar.getAttribute("class")));
  assert.equal(kinds.sort(), ["failed", "failed", "span", "taken", "wait"]);
  assert.match((await step.textContent()) ?? "", /settled after 1\.0 s, with 2 failed attempts, taken over/);
  const said = (await o.page.getByRole("list", { name: "Components" }).textContent()) ?? "";
  assert.match(said, /settled after 1\.0 s, at attempt 3, taken over from another member by algorithm\.new/);
  assert.match(said, /Attempt 1 failed at 50 ms, after 40 ms at algorithm\.old: <b>no<\/b>/);
  assert.match(said, /Attempt 2 was lost with its owner at 50 ms, after 30 ms at algorithm\.gone/);
  assert.equal(await o.findings(), []);
});

browserTest("the link and the equal command are copied", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.append("orders", { id: "it's-1" });
  await using o = await openConsole(log);
  await o.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await o.view("/story?q=it's-1");
  await o.page.getByRole("button", { name: "Copy the command" }).click();
  await o.page.getByText("The command is copied.").waitFor();
  const command = await o.page.evaluate(() => navigator.clipboard.readText());
  assert.is(command, `npx throughline --namespace ${log.namespace} journey --settlements 'it'\\''s-1'`);
  await o.page.getByRole("button", { name: "Copy the link" }).click();
  await o.page.getByText("The link is copied.").waitFor();
  assert.is(await o.page.evaluate(() => navigator.clipboard.readText()), o.page.url());
});

/** Texts that try to be more than text. */
const hostile: readonly (readonly [what: string, text: string, shown: RegExp])[] = [
  ["markup", `<script>document.title="taken"</script><img src=x onerror="document.title='taken'">`, /<script>document/],
  ["a text from right to left", "אבג \u202e evil \u2066 עד", /\\u202e evil \\u2066/],
  ["control characters", "a\u0000b\u001b[2Jc\u0085d", /a\\u0000b\\u001b\[2Jc\\u0085d/],
];

for (const [what, text, shown] of hostile) {
  browserTest(`${what} in an id, a key and a payload is shown as text`, async () => {
    await using log = new HandWritten();
    await log.describe(["orders"]);
    const entryId = await log.append("orders", { id: `e ${text}`, key: text, payload: { note: text, [text]: 1 } });
    await using o = await openConsole(log);
    await o.view(`/story?q=${encodeURIComponent(`orders/${entryId}`)}`);
    const chosen = o.page.getByRole("region", { name: "The chosen step" });
    await chosen.locator("pre").waitFor();
    assert.match((await chosen.textContent()) ?? "", shown);
    assert.is(await o.page.locator("#app script, #app img").count(), 0);
    assert.not.match(await o.page.title(), /taken/);
    await o.view("/channel/orders");
    await o.page.locator("tbody tr", { hasText: entryId === "" ? "" : "e " }).waitFor();
    assert.match((await o.page.locator("tbody").textContent()) ?? "", shown);
    assert.is(await o.page.locator("#app script, #app img").count(), 0);
    assert.equal(await o.findings(), []);
  });
}

browserTest("a payload of a megabyte is cut, and can be had whole", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  const entryId = await log.append("orders", { id: "large", payload: { text: "x".repeat(1_048_576) } });
  await using o = await openConsole(log);
  await o.view(`/story?q=orders%2F${entryId}`);
  const chosen = o.page.getByRole("region", { name: "The chosen step" });
  await chosen.getByText("more characters").waitFor();
  assert.ok(((await chosen.textContent()) ?? "").length < 30_000);
  const saved = o.page.waitForEvent("download");
  await chosen.getByRole("link", { name: "Save the entry as JSON" }).click();
  const path = await (await saved).path();
  assert.ok((await import("node:fs")).readFileSync(path, "utf8").length > 1_048_576);
});

browserTest("values of masked attributes never reach the page", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  const payload = { userId: "ann-smith", note: "for ann-smith.", age: 77 };
  const entryId = await log.append("orders", {
    id: "order:ann-smith:1",
    key: "ann-smith",
    payload,
    baggage: "user.id=ann-smith,b=2",
  });
  await using o = await openConsole(log, { mask: ["user.id", "payload.age"] });
  const answers: string[] = [];
  o.page.on("response", (response) => {
    if (!response.url().includes("/live"))
      response.text().then(
        (text) => answers.push(text),
        () => undefined,
      );
  });
  await o.view(`/story?q=orders%2F${entryId}`);
  await o.page.getByRole("region", { name: "The chosen step" }).locator("pre").waitFor();
  await o.view("/channel/orders");
  await o.page.locator("tbody tr").waitFor();
  const text = (await o.page.locator("main").textContent()) ?? "";
  assert.match(text, /‹user\.id [0-9a-f]{8}›/);
  assert.not.match(answers.join("").replaceAll("main.js", ""), /ann-smith|"age":77/);
});
