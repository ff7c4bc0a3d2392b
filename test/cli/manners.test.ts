/** What every command has in common: one sentence for a Redis that is not there, exit codes as the help says, a version. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { runCommand } from "../support/command.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

const command = "src/cli/throughline.ts";

async function run(
  env: Readonly<Record<string, string | undefined>>,
  ...args: readonly string[]
): Promise<{ code: number | null; out: string; err: string }> {
  await using child = startProcess(command, args, { env });
  child.end();
  const { code } = await child.ended;
  return { code, out: child.stdout(), err: child.stderr() };
}

test(
  "every command ends with 1 and one sentence where no Redis listens",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "throughline-manners-"));
    const lines = join(directory, "a.ndjson");
    await writeFile(lines, '{"time":1,"n":1}\n');
    const env = { REDIS_URL: "redis://127.0.0.1:1", NAMESPACE: "x" };
    const calls: readonly (readonly string[])[] = [
      ["status"],
      ["status", "--watch"],
      ["tail", "c"],
      ["tail", "c", "--follow"],
      ["journey", "e"],
      ["check", "test/fixtures/deployed-channels.ts"],
      ["dead", "list"],
      ["dead", "show", "1-0"],
      ["dead", "redrive", "1-0", "--yes"],
      ["dead", "purge", "1-0", "--yes"],
      ["component", "retire", "c", "--yes"],
      ["record", "c", "--output", join(directory, "r")],
      ["import", lines, "--format", "ndjson", "--into", "c", "--live", "--yes"],
      ["prepare"],
      ["repair", "c"],
      ["replay", "c", "--into", "y"],
      ["replay", "--resume", "r"],
      ["replays"],
      ["replays", "r"],
      ["replays", "cancel", "r"],
      ["replays", "work"],
    ];
    try {
      // A few at a time: each is a process.
      for (let at = 0; at < calls.length; at += 5) {
        const some = calls.slice(at, at + 5);
        const ends = await Promise.all(some.map((args) => run(env, ...args)));
        for (const [i, { code, err }] of ends.entries()) {
          const what = `${some[i]?.join(" ")}: ${err}`;
          assert.is(code, 1, what);
          assert.match(err, /ECONNREFUSED/, what);
          assert.is(err.trim().split("\n").length, 1, what);
        }
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  { timeoutMs: 120_000 },
);

test("tells its version", async () => {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { readonly version: string };
  assert.equal(await run({}, "--version"), { code: 0, out: `${version}\n`, err: "" });
  assert.equal(await run({}, "-V"), { code: 0, out: `${version}\n`, err: "" });
});

test("ends with 0 where all is well, with 1 where nothing was found, and with 2 where it was called wrongly", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], {});
  const env = { REDIS_URL: log.url, NAMESPACE: log.namespace };
  assert.is((await run(env, "status")).code, 0);
  const list = await run(env, "dead", "list");
  assert.equal([list.code, list.err], [1, "There are no such dead letters.\n"]);
  assert.is((await run(env, "dead", "list", "--count", "--json")).code, 1);
  for (const args of [["import", "package.json", "--format", "ndjson"], ["status", "--nonsense"], ["nonsense"]])
    assert.is((await run(env, ...args)).code, 2, args.join(" "));
});

test("asks for a namespace where it needs one and has no default", async () => {
  for (const args of [["status"], ["component", "retire", "c"], ["repair", "c"], ["replay", "c"], ["dead", "list"]]) {
    const { code, err } = await runCommand({ url: "redis://127.0.0.1:1" }, args);
    assert.is(code, 2, `${args.join(" ")}: ${err}`);
    assert.match(err, /which namespace\?/, args.join(" "));
  }
});

test("a command ends its process once nothing is open, before Node takes down what is left, with its exit code", async () => {
  // Whoever hears that the process is about to end would go on; `exit` does not let him.
  const late = 'process.once("beforeExit", () => setImmediate(() => console.log("went on")))';
  const preload = `--import data:text/javascript,${encodeURIComponent(late)}`;
  for (const [args, code, out] of [
    [["--version"], 0, `${JSON.parse(await readFile("package.json", "utf8")).version}\n`],
    [["nonsense"], 2, ""],
  ] as const) {
    const ended = await run({ NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}` }, ...args);
    assert.equal([ended.code, ended.out], [code, out], ended.err);
  }
});
