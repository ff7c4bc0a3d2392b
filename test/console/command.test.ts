/** `throughline console` as a person or a script starts it. */

import { PassThrough } from "node:stream";
import * as assert from "uvu/assert";
import { perform } from "../../src/cli/command-line.ts";
import { type Surroundings, within } from "../../src/cli/surroundings.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { runCommand } from "../support/command.ts";
import { test } from "../support/test.ts";

/** Runs the command until its first line, asks it something, and stops it as Ctrl-C does. */
async function started(
  log: HandWritten,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ask: (line: string) => Promise<void>,
): Promise<number> {
  const stop = new AbortController();
  const [out, err] = [new PassThrough(), new PassThrough()];
  const surroundings: Surroundings = {
    env: { REDIS_URL: log.url, NAMESPACE: log.namespace, ...env },
    stdin: Object.assign(new PassThrough(), { isTTY: false }),
    stdout: Object.assign(out, { isTTY: false }),
    stderr: Object.assign(err, { isTTY: false }),
    exitCode: 0,
    stopSignal: () => stop.signal,
  };
  const running = within(surroundings, () => perform(["console", "--port", "0", ...args], {}));
  try {
    for await (const part of out) {
      await ask(String(part).trim());
      break;
    }
  } finally {
    stop.abort();
    await running;
  }
  return surroundings.exitCode;
}

test("prints its address, serves until Ctrl-C, and ends with 0", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  let url = "";
  const code = await started(log, [], {}, async (line) => {
    url = /^The console is at (http:\/\/127\.0\.0\.1:\d+\/) until Ctrl-C\.$/.exec(line)?.[1] ?? "";
    assert.match(await (await fetch(url)).text(), "<title>Throughline</title>");
    const about = (await (await fetch(`${url}api/about`)).json()) as { namespace: string; allowActions: boolean };
    assert.equal([about.namespace, about.allowActions], [log.namespace, false]);
  });
  assert.is(code, 0);
  const refused = await fetch(url).catch(() => undefined);
  assert.is(refused, undefined);
});

test("other than on loopback it makes a token, unless it is given one; --json prints the address as JSON", async () => {
  await using log = new HandWritten();
  await started(log, ["--host", "0.0.0.0", "--json", "--allow-actions"], {}, async (line) => {
    const { url } = JSON.parse(line) as { url: string };
    const [, port, token] = /^http:\/\/0\.0\.0\.0:(\d+)\/\?token=([\w-]{32})$/.exec(url) ?? [];
    const ask = async (query: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/api/about${query}`, { redirect: "manual" })).status;
    assert.equal([await ask(""), await ask("?token=wrong"), await ask(`?token=${token}`)], [401, 401, 303]);
  });
  const given = { CONSOLE_TOKEN: "0123456789abcdef" };
  await started(log, ["--host", "127.0.0.1"], given, async (line) => assert.match(line, "?token=0123456789abcdef"));
});

test("what it is called with wrongly is a line, and 2", async () => {
  await using log = new HandWritten();
  const calls: readonly (readonly [readonly string[], RegExp])[] = [
    [["--port", "x"], /It must be a port/],
    [["--token", "short"], /can be guessed/],
    [["--mask", "a b"], /no attribute to mask/],
    [["--module", "file.ts"], /name=file/],
  ];
  for (const [args, problem] of calls) {
    const { code, err } = await runCommand(log, ["console", ...args]);
    assert.is(code, 2, args.join(" "));
    assert.match(err, problem);
  }
});
