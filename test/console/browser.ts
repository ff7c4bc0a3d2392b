/** A real Chromium, and a console beside it: each test gets a page of its own, which must end without an error of its own. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Console, type ConsoleOptions, serveConsole } from "../../src/console.ts";
import { skip, test } from "../support/test.ts";

/** The browser of the machine; none is downloaded. */
export const browserPath: string | undefined = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

export interface Opened extends AsyncDisposable {
  readonly console: Console;
  readonly page: Page;
  /** The console's address without its last slash. */
  readonly url: string;
  /** Goes to a view, and resolves when its heading is there. */
  view(address: string): Promise<void>;
  /** What axe finds on the page as it is, as a sentence each. */
  findings(): Promise<readonly string[]>;
  /** Errors of the page until now: the test fails with them at its end. */
  readonly errors: string[];
}

export interface OpenOptions extends Partial<ConsoleOptions> {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  /** Where the browser is, such as Asia/Tokyo. Default: as the machine. */
  readonly timezoneId?: string;
}

let browser: Promise<Browser> | undefined;
let pages = 0;
let closing: NodeJS.Timeout | undefined;
/** The browser waits so long for the file's next test, ms: to start one costs more than many a test. */
const browserWaitsMs = 1_500;

/** Registers a test that needs a browser: skipped, with the reason, where there is none. */
export function browserTest(name: string, run: () => Promise<void>, options: { timeoutMs?: number } = {}): void {
  test(
    name,
    async () => {
      if (browserPath === undefined) {
        skip("there is no Chromium here: install Debian's package chromium, or name one in CHROMIUM");
      }
      await run();
    },
    options,
  );
}

/** Opens a console of a namespace, and a page. */
export async function openConsole(
  { url: redis, namespace }: { readonly url: string; readonly namespace: string },
  options: OpenOptions = {},
): Promise<Opened> {
  const { viewport = { width: 1_280, height: 800 }, colorScheme = "light", timezoneId, ...given } = options;
  const console = await serveConsole({ url: redis, namespace, port: 0, ...given });
  clearTimeout(closing);
  browser ??= chromium.launch({ executablePath: browserPath ?? "", args: ["--no-sandbox"] });
  const opened = await browser;
  pages++;
  const context = await opened.newContext({
    ...{ viewport, colorScheme, reducedMotion: "reduce" },
    ...(timezoneId === undefined ? {} : { timezoneId }),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // A request that fails is an error line as well: tests that refuse or cut on purpose expect it.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(message.text());
  });
  // Whatever is asked of another host is a fault of the page.
  const home = new URL(console.url);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.host !== home.host && url.protocol !== "data:") errors.push(`asked ${url.host}`);
  });
  const url = console.url.replace(/\/(\?.*)?$/, "");
  return {
    console,
    page,
    url,
    errors,
    view: async (address) => {
      await page.goto(`${url}${address}`);
      await page.locator("main h1").waitFor();
    },
    findings: () => findingsOf(page),
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await console[Symbol.asyncDispose]();
      if (--pages === 0) closing = setTimeout(closeBrowser, browserWaitsMs);
      if (errors.length > 0) throw new Error(`the page had errors: ${errors.join("; ")}`);
    },
  };
}

function closeBrowser(): void {
  const open = browser;
  browser = undefined;
  void open?.then((one) => one.close());
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** Axe is evaluated by the debugger's own way, which the page's strict policy does not concern. */
async function findingsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const result = (await page.evaluate("axe.run()")) as AxeResult;
  return result.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes[0]?.html.slice(0, 200)} (${nodes[0]?.failureSummary.slice(0, 300)})`,
  );
}
