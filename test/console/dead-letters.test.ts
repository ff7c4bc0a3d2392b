/// <reference lib="dom" />
/** Dead letters in a real browser: groups, a letter whole, and each action, with its dry run and its refusals. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { browserTest, type Opened, openConsole } from "./browser.ts";

/** Letters of two codes, whose entries are in the log; the last one's is gone. */
async function someLetters(log: HandWritten, count = 4): Promise<void> {
  await log.describe(["orders"], { algorithm: "orders" });
  await log.group("orders", "algorithm");
  for (let n = 0; n < count; n++) {
    const event = { id: `e-${n}`, payload: { n }, baggage: "user.id=ann" };
    const entryId = await log.append("orders", event);
    const fields = {
      id: event.id,
      payload: JSON.stringify(event.payload),
      "dead-channel": "orders",
      "dead-entry": n === count - 1 ? "1-1" : entryId,
      "dead-component": "algorithm",
      "dead-code": n < 2 ? "EARLY" : "LATE",
      "dead-error": `Error: <b>no</b> ${n}\n    at handler (file.ts:1:1)`,
      "dead-attempts": "5",
      "dead-first": "1000",
      "dead-at": String(60_000 * (n + 1)),
      "dead-traceparent": "",
      "dead-fields-cut": "0",
    };
    await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, fields, `${60_000 * (n + 1)}-0`);
  }
  await log.settle("orders", "algorithm", count);
}

const left = (log: HandWritten): Promise<number> => log.client.xlen(`${log.stream("orders")}:dead:algorithm`);
const parked = (log: HandWritten): Promise<number> => log.client.zcard(`${log.stream("orders")}:parked:algorithm`);

/** Posts as the page does, past its buttons. */
function post(o: Opened, path: string, body: object): Promise<{ status: number; text: string }> {
  return o.page.evaluate(
    async ([to, json]) => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(to ?? "", { method: "POST", headers, body: json ?? "" });
      return { status: response.status, text: await response.text() };
    },
    [path, JSON.stringify(body)],
  );
}

browserTest("letters are grouped, and one is shown whole, with what it came from", async () => {
  await using log = new HandWritten();
  await someLetters(log);
  await using o = await openConsole(log);
  await o.view("/dead");
  const groups = o.page.getByRole("table", { name: "Groups of dead letters" }).locator("tbody tr");
  await groups.first().waitFor();
  assert.equal((await groups.locator("td:nth-child(3)").allTextContents()).sort(), ["EARLY", "LATE"]);
  assert.is(await o.page.getByRole("button", { name: /Redrive|Purge/ }).count(), 0);
  await o.page.getByText("The console only reads.").waitFor();
  await groups.getByRole("link", { name: "EARLY" }).click();
  const letters = o.page.getByRole("table", { name: /^Dead letters/ }).locator("tbody tr");
  await letters.first().waitFor();
  assert.is(await letters.count(), 2);
  await letters.first().getByRole("button").click();
  await o.page.getByText("at handler (file.ts:1:1)").last().waitFor();
  assert.equal(await o.findings(), []);
  await letters.first().getByRole("link", { name: "e-0" }).click();
  await o.page.locator("table.waterfall .wide", { hasText: "orders" }).first().waitFor();
});

browserTest("a whole group is redriven after its dry run, and what cannot be is left and said", async () => {
  await using log = new HandWritten();
  await someLetters(log);
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/dead");
  const late = o.page.getByRole("row").filter({ hasText: "LATE" });
  await late.getByRole("button", { name: "Redrive all …" }).click();
  const dialog = o.page.getByRole("dialog");
  await dialog.getByText("1 would be handed back to the component").waitFor();
  await dialog.getByText("1 would stay: their entries are no longer in the channel").waitFor();
  assert.equal(await o.findings(), []);
  assert.equal([await left(log), await parked(log)], [4, 0]);
  await dialog.getByRole("button", { name: "Do nothing" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal([await left(log), await parked(log)], [4, 0]);
  await late.getByRole("button", { name: "Redrive all …" }).click();
  await dialog.getByRole("button", { name: "Redrive 1 letter" }).click();
  await o.page.getByText("1 were handed back to the component; 1 stayed").waitFor();
  assert.equal([await left(log), await parked(log)], [3, 1]);
});

browserTest("one and a selection are redriven, and purged", async () => {
  await using log = new HandWritten();
  await someLetters(log, 6);
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/dead?channel=orders&component=algorithm");
  const boxes = o.page.getByRole("checkbox", { name: /^Select letter/ });
  await boxes.nth(5).waitFor();
  await boxes.nth(0).check();
  await o.page.getByRole("button", { name: "Redrive selected …" }).click();
  await o.page.getByRole("button", { name: "Redrive 1 letter" }).click();
  await o.page.getByText("1 were handed back").waitFor();
  assert.equal([await left(log), await parked(log)], [5, 1]);
  await o.page.waitForFunction(() => document.querySelectorAll("[aria-label^='Select letter']").length === 5);
  await boxes.nth(1).check();
  await boxes.nth(2).check();
  await o.page.getByRole("button", { name: "Purge selected …" }).click();
  await o.page.getByRole("button", { name: "Purge 2 letters" }).click();
  await o.page.getByText("2 were removed for good").waitFor();
  assert.equal([await left(log), await parked(log)], [3, 1]);
});

browserTest("a letter that came after the dry run is left alone", async () => {
  await using log = new HandWritten();
  await someLetters(log);
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/dead");
  await o.page.getByRole("row").filter({ hasText: "EARLY" }).getByRole("button", { name: "Purge all …" }).click();
  const button = o.page.getByRole("button", { name: "Purge 2 letters" });
  await button.waitFor();
  const late = { id: "late", "dead-entry": "1-1", "dead-code": "EARLY", "dead-at": "900000" };
  await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, late, "900000-0");
  await button.click();
  await o.page.getByText("2 were removed for good").waitFor();
  assert.is(await left(log), 3);
});

browserTest("without --allow-actions nothing is written, whatever is posted", async () => {
  await using log = new HandWritten();
  await someLetters(log);
  await using o = await openConsole(log);
  await o.view("/dead");
  for (const path of ["/api/dead/redrive", "/api/dead/purge"]) {
    for (const dryRun of [true, false]) {
      const { status, text } = await post(o, path, {
        channel: "orders",
        component: "algorithm",
        dryRun,
        to: "999999999-0",
      });
      assert.is(status, 403);
      assert.match(text, "started without --allow-actions: it only reads, and nothing was done");
    }
  }
  assert.equal([await left(log), await parked(log)], [4, 0]);
});

browserTest("a deed without its dry run's bound, and a wish that is none, are refused", async () => {
  await using log = new HandWritten();
  await someLetters(log);
  await using o = await openConsole(log, { allowActions: true });
  await o.view("/dead");
  const wishes: readonly (readonly [object, RegExp])[] = [
    [{ dryRun: false }, /A dry run comes first/],
    [{ ids: "e-1" }, /must be a list/],
    [{ code: 7 }, /code must be a text/],
    [{ to: "yesterday", dryRun: false }, /it must be a dead letter's id/],
    [{ where: "nonsense" }, /names no value/],
  ];
  for (const [wish, problem] of wishes) {
    const { status, text } = await post(o, "/api/dead/purge", wish);
    assert.is(status, 400, JSON.stringify(wish));
    assert.match(text, problem);
  }
  assert.is(await left(log), 4);
});

browserTest("a Redis user who may only read is refused by Redis, and the page says so", async () => {
  await using redis = await startPrivateRedis();
  await using log = new HandWritten(redis.url);
  await someLetters(log);
  const admin = new Redis(redis.url);
  const [reset = "", ...rules] = aclRules(["observer"], { namespace: log.namespace });
  await admin.call("ACL", "SETUSER", "watcher", reset, ">s3cret-Passw0rd", ...rules);
  admin.disconnect();
  const url = redis.url.replace("//", "//watcher:s3cret-Passw0rd@");
  await using o = await openConsole({ url, namespace: log.namespace }, { allowActions: true });
  await o.view("/");
  await o.page.locator(".graph a").first().waitFor();
  await o.view("/dead");
  const row = o.page.getByRole("row").filter({ hasText: "EARLY" });
  for (const verb of ["Redrive", "Purge"]) {
    await row.getByRole("button", { name: `${verb} all …` }).click();
    await o.page.getByRole("button", { name: `${verb} 2 letters` }).click();
    await o.page.getByRole("alert").filter({ hasText: "may not do this, and nothing was done" }).waitFor();
    await o.page.getByRole("button", { name: "Close" }).click();
  }
  assert.equal([await left(log), await parked(log)], [4, 0]);
});
