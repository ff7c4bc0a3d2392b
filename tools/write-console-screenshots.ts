/** `npm run docs:console`: makes the screenshots of the console, of a real Chromium on the real pipeline, for the README and the guide: WebP, a third of what PNG takes. */

import { mkdirSync, writeFileSync } from "node:fs";
import { Redis } from "ioredis";
import { chromium, type Page } from "playwright-core";
import { serveConsole } from "../src/console.ts";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { browserPath } from "../test/console/browser.ts";
import { startPipeline } from "../test/console/pipeline.ts";
import { extension } from "../trading/pipeline/plug-in.ts";

const directory = "docs/console";
if (browserPath === undefined) throw new Error("there is no Chromium here: install one, or name one in CHROMIUM");
mkdirSync(directory, { recursive: true });
await using redis = await startPrivateRedis();
await using pipeline = await startPipeline(redis.url, "trading");
await pipeline.place(1, 120);
// Entries that are no orders: both components that read them give them up.
const client = new Redis(redis.url);
for (const payload of ["no JSON", '{"id":"o-901"}', '{"id":"o-902","userId":"user-1"}']) {
  await client.xadd("{trading:0}:client-orders", "*", "payload", payload);
}
client.disconnect();
await using console = await serveConsole({
  url: redis.url,
  namespace: "trading",
  port: 0,
  allowActions: true,
  loadComponents: async () => extension.components ?? {},
  loadChannels: async () => extension.channels ?? [],
});
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });

/** A page of its own, which turns a picture into a smaller one: the browser has what that needs. */
const converter = await browser.newPage();

async function open(options: Parameters<typeof browser.newContext>[0] = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  return context.newPage();
}

async function shoot(page: Page, name: string): Promise<void> {
  const png = (await page.screenshot()).toString("base64");
  const webp = (await converter.evaluate(`(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${png}";
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.8).split(",")[1];
  })()`)) as string;
  const bytes = Buffer.from(webp, "base64");
  writeFileSync(`${directory}/${name}.webp`, bytes);
  process.stdout.write(`${directory}/${name}.webp  ${bytes.length} bytes\n`);
}

const address = (path: string): string => new URL(path, console.url).href;
/** Orders go on coming, so that something flows in the pictures. */
const ended = new AbortController();
const flowing = (async () => {
  for (let n = 1_000; !ended.signal.aborted; n += 20) await pipeline.place(n, n + 19);
})().catch((error: unknown) => {
  if (!ended.signal.aborted) throw error;
});
await using _ended = { [Symbol.asyncDispose]: async () => ended.abort() };

const page = await open();
await page.goto(address("/"));
await page
  .getByText(/\d dead/)
  .first()
  .waitFor();
await page.locator(".edge.flowing").nth(2).waitFor({ state: "attached" });
await shoot(page, "flow");
await page.goto(address("/channel/executions"));
await page.locator("tr.new").nth(4).waitFor();
await shoot(page, "channel");
await page.goto(address("/component/algorithm"));
await page.locator(".uplot canvas").nth(2).waitFor();
await page.getByRole("table", { name: "Members" }).waitFor();
await shoot(page, "component");
const dark = await open({ colorScheme: "dark" });
await dark.goto(address("/"));
await dark.locator(".edge.flowing").nth(2).waitFor({ state: "attached" });
await shoot(dark, "flow-dark");
const phone = await open({ viewport: { width: 390, height: 800 } });
await phone.goto(address("/"));
await phone.locator(".edge.flowing").nth(2).waitFor({ state: "attached" });
await shoot(phone, "flow-phone");
ended.abort();
await flowing;

await page.goto(address("/search?q=client.order_id%3Do-7"));
await page.locator("[role=status]", { hasText: "entries read." }).waitFor();
await shoot(page, "search");
await page.goto(address("/story?q=client.order_id%3Do-7"));
await page.getByRole("region", { name: "The chosen step" }).locator("pre").waitFor();
await page.locator(".bar[role=status]").waitFor({ state: "detached" });
await shoot(page, "story");
await page.goto(address("/dead"));
await page.getByRole("button", { name: "Redrive all …" }).first().click();
await page.getByRole("dialog").getByRole("list").waitFor();
await shoot(page, "dead-letters");
await page.goto(address("/replays"));
await page.getByRole("combobox").selectOption("algorithm");
await page.getByLabel("settings").fill('{"exchange": "other"}');
await page.getByRole("button", { name: "Run over the log" }).click();
await page.getByText("They differ.").waitFor();
await shoot(page, "replays");
await page.goto(address("/time?q=client.order_id%3Do-7"));
await page.getByRole("slider").waitFor();
await shoot(page, "time");
await browser.close();
