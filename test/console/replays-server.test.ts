/** What the console's server answers to who begins replays: a run that it names is there, and a refusal is a refusal. */

import * as assert from "uvu/assert";
import { type Console, serveConsole } from "../../src/console.ts";
import { openReplays } from "../../src/replay.ts";
import { extension } from "../../trading/pipeline/plug-in.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { test } from "../support/test.ts";

/** Posts as the console's own page does. */
function post({ url }: Console, path: string, wish: object): Promise<Response> {
  const headers = { origin: new URL(url).origin, "content-type": "application/json" };
  return fetch(new URL(path, url), { method: "POST", headers, body: JSON.stringify(wish) });
}

const wish = { channels: ["orders"], speed: "original", dryRun: false };

async function twoOrdersAnHourApart(): Promise<HandWritten> {
  const log = new HandWritten();
  await log.describe(["orders"]);
  const begin = Date.now() - 7_200_000;
  for (const n of [0, 1]) await log.append("orders", { id: `e-${n}` }, `${begin + n * 3_600_000}-1`);
  return log;
}

test("a replay is listed as running when its beginning is answered, and can be cancelled", async () => {
  await using log = await twoOrdersAnHourApart();
  await using proxy = await startProxy(log.url);
  await using console = await serveConsole({ url: proxy.url, namespace: log.namespace, port: 0, allowActions: true });
  proxy.delay("toClient", 30); // slower than a request to the console
  const { run } = (await (await post(console, "/api/replays", wish)).json()) as { readonly run: string };
  const { runs } = (await (await fetch(new URL("/api/replays", console.url))).json()) as {
    readonly runs: readonly { readonly request: { readonly run: string }; readonly state: string }[];
  };
  assert.equal(
    runs.map(({ request, state }) => `${request.run} ${state}`),
    [`${run} running`],
  );
  assert.equal(await (await post(console, `/api/replays/${run}/cancel`, {})).json(), { isCancelled: true });
  await log.client.unlink(...(await log.client.keys(`*${log.namespace}-replay*`)));
});

test("a replay that runs when the console closes is noted as stopped, and can be gone on with", async () => {
  await using log = await twoOrdersAnHourApart();
  const { url, namespace } = log;
  let run: string;
  {
    await using console = await serveConsole({ url, namespace, port: 0, allowActions: true });
    ({ run } = (await (await post(console, "/api/replays", wish)).json()) as { readonly run: string });
  }
  await using replays = openReplays({ url, namespace });
  assert.is((await replays.find(run))?.state, "stopped");
  await log.client.unlink(...(await log.client.keys(`*${namespace}-replay*`)));
});

test("a console whose replay runs closes although Redis is away", async () => {
  await using log = await twoOrdersAnHourApart();
  await using proxy = await startProxy(log.url);
  const console = await serveConsole({ url: proxy.url, namespace: log.namespace, port: 0, allowActions: true });
  await post(console, "/api/replays", wish);
  proxy.refuse();
  proxy.cut();
  await console[Symbol.asyncDispose]();
  await log.client.unlink(...(await log.client.keys(`*${log.namespace}-replay*`)));
});

test("the list of runs is refused with a sentence while Redis is away, and there again with it", async () => {
  await using log = await twoOrdersAnHourApart();
  await using proxy = await startProxy(log.url);
  await using console = await serveConsole({ url: proxy.url, namespace: log.namespace, port: 0 });
  const list = (): Promise<Response> => fetch(new URL("/api/replays", console.url));
  assert.is((await list()).status, 200);
  proxy.refuse();
  proxy.cut();
  const refused = await list();
  assert.is(refused.status, 503);
  assert.match(await refused.text(), /does not answer/);
  proxy.heal();
  await eventually(async () => (await list()).status === 200);
});

test("a replay that Redis does not let begin is refused with a sentence", async () => {
  await using log = await twoOrdersAnHourApart();
  await using proxy = await startProxy(log.url);
  await using console = await serveConsole({ url: proxy.url, namespace: log.namespace, port: 0, allowActions: true });
  const refused = proxy.answer(named("hsetnx"), "-NOPERM this user has no permissions to run the 'hsetnx' command\r\n");
  const response = await post(console, "/api/replays", wish);
  await refused;
  assert.is(response.status, 403);
  assert.match(await response.text(), /Redis user may not do this, and nothing was done/);
  assert.equal(await log.client.keys(`*${log.namespace}-replay*`), []);
});

test("of two component replays that are begun at once, one is told that the other runs", async () => {
  await using log = await twoOrdersAnHourApart();
  let asked = 0;
  const bothAsked = Promise.withResolvers<void>();
  const loadComponents = async (): Promise<NonNullable<typeof extension.components>> => {
    if (++asked === 2) bothAsked.resolve();
    await bothAsked.promise; // as long as a module of handlers may take to load
    return extension.components ?? {};
  };
  const options = { url: log.url, namespace: log.namespace, port: 0, allowActions: true, loadComponents };
  await using console = await serveConsole(options);
  const begin = (): Promise<Response> => post(console, "/api/component-replays", { component: "algorithm" });
  const statuses = (await Promise.all([begin(), begin()])).map(({ status }) => status);
  assert.equal(statuses.sort(), [200, 409]);
});
