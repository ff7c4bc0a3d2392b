/** Who may ask the console, and what it answers to everybody else: a sentence, and nothing is done. */

import { request } from "node:http";
import * as assert from "uvu/assert";
import { type Console, type ConsoleOptions, serveConsole } from "../../src/console.ts";
import { ConfigError } from "../../src/index.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Asks as any program may, with any headers: `fetch` would set some of them itself. */
function ask(
  console: Console,
  path: string,
  { headers = {}, method = "GET", body }: { headers?: Record<string, string>; method?: string; body?: string } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(console.url);
  return new Promise((resolve, reject) => {
    const asking = request({ host: hostname.replace(/[[\]]/g, ""), port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

async function consoleOn(log: HandWritten, options: Partial<ConsoleOptions> = {}): Promise<Console> {
  return serveConsole({ url: log.url, namespace: log.namespace, port: 0, ...options });
}

test("the page may run files of the console only, and nothing may frame it", async () => {
  await using log = new HandWritten();
  await using console = await consoleOn(log);
  for (const path of ["/", "/channel/orders", "/api/about", "/main.js"]) {
    const { status, headers } = await ask(console, path);
    assert.is(status, 200);
    const policy = String(headers["content-security-policy"]);
    assert.match(policy, "default-src 'none'");
    assert.match(policy, "script-src 'self';");
    assert.match(policy, "style-src 'self';");
    assert.match(policy, "frame-ancestors 'none'");
    assert.is(headers["x-content-type-options"], "nosniff");
    assert.is(headers["referrer-policy"], "no-referrer");
    assert.is(headers["access-control-allow-origin"], undefined);
  }
  assert.is((await ask(console, "/missing.js")).status, 404);
  assert.is((await ask(console, "/api/missing")).status, 404);
  assert.is((await ask(console, "/..%2f..%2fpackage.json")).status, 404);
});

test("a name that is not the console's is refused with a sentence", async () => {
  await using log = new HandWritten();
  await using console = await consoleOn(log, { allowedHosts: ["console.example"] });
  const { port } = new URL(console.url);
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1:1", "127.0.0.1.evil.example"]) {
    const { status, text } = await ask(console, "/api/about", { headers: { host } });
    assert.is(status, 421, host);
    assert.match(text, "This console does not answer to the name");
  }
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `[::1]:${port}`,
    "console.example",
    "console.example:443",
  ]) {
    assert.is((await ask(console, "/api/about", { headers: { host } })).status, 200, host);
  }
});

test("another site's page is refused, and a link from it opens the page", async () => {
  await using log = new HandWritten();
  await using console = await consoleOn(log, { allowActions: true });
  const { host } = new URL(console.url);
  const foreign: Record<string, string>[] = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: `http://evil.example:${new URL(console.url).port}` },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
  ];
  for (const headers of foreign) {
    const { status, text } = await ask(console, "/api/about", { headers });
    assert.is(status, 403, JSON.stringify(headers));
    assert.match(text, "only its own page may");
  }
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assert.is((await ask(console, "/", { headers: link })).status, 200);
  assert.is((await ask(console, "/api/about", { headers: { origin: `http://${host}` } })).status, 200);
});

test("other than on loopback a token is demanded, and it must not be guessable", async () => {
  await using log = new HandWritten();
  await rejects(consoleOn(log, { host: "0.0.0.0" }), ConfigError, /give it a token/);
  await rejects(consoleOn(log, { host: "console.example" }), ConfigError, /give it a token/);
  await rejects(consoleOn(log, { token: "short" }), ConfigError, /can be guessed/);
  await rejects(consoleOn(log, { token: "with spaces, and more of them" }), ConfigError, /letters, digits/);
  await rejects(consoleOn(log, { port: 70_000 }), ConfigError, /0 to 65535/);
  await rejects(consoleOn(log, { mask: ["a b"] }), ConfigError, /no attribute to mask/);
  await rejects(consoleOn(log, { sesame: true } as Partial<ConsoleOptions>), ConfigError, /no option "sesame"/);
});

test("without its token the console tells nothing, and with it once, a cookie does", async () => {
  await using log = new HandWritten();
  const token = "0123456789abcdef-0123456789abcdef";
  await using console = await consoleOn(log, { token });
  assert.match(console.url, `?token=${token}`);
  for (const path of ["/", "/api/about", "/api/live", "/main.js", "/api/about?token=wrong", "/?token="]) {
    const { status, text } = await ask(console, path);
    assert.is(status, 401, path);
    assert.match(text, /open the address that it printed when it started/);
    assert.not.match(text, token);
  }
  const wrong = { authorization: "Bearer 0123456789abcdef-0123456789abcdeg" };
  assert.is((await ask(console, "/api/about", { headers: wrong })).status, 401);
  assert.is((await ask(console, "/api/about", { headers: { authorization: `Bearer ${token}` } })).status, 200);
  const first = await ask(console, `/story?q=a%2F1-0&token=${token}`);
  assert.equal([first.status, first.headers["location"]], [303, "/story?q=a%2F1-0"]);
  const [cookie = ""] = first.headers["set-cookie"] ?? [];
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  const headers = { cookie: cookie.split(";", 1)[0] ?? "" };
  assert.is((await ask(console, "/api/about", { headers })).status, 200);
});

test("an address that is taken is a sentence", async () => {
  await using log = new HandWritten();
  await using console = await consoleOn(log);
  const port = Number(new URL(console.url).port);
  await rejects(
    consoleOn(log, { port }),
    ConfigError,
    /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\): another program/,
  );
});

test("a namespace that nothing has used, and one of another format, are told as such", async () => {
  await using log = new HandWritten();
  await using console = await consoleOn(log);
  const news = async (): Promise<string> => {
    const response = await fetch(new URL("/api/live", console.url));
    for await (const part of response.body ?? []) return Buffer.from(part).toString();
    return "";
  };
  assert.match(await news(), /event: away\ndata: .*Nothing has used namespace/);
  await log.client.hset(`${log.namespace}:meta`, "format", "9", "partitions", "1");
  assert.match(await news(), /event: away\ndata: .*has format 9; this version reads format 2/);
  await log.client.del(`${log.namespace}:meta`);
  await log.describe(["orders"]);
  assert.match(await news(), /event: flow\ndata: /);
});
