/** The documents' examples do what the documents say. Each runs as a process of its own, as a reader of the document would run it. */

import { readFile, writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { makeDirectory } from "../replay/recording-files.ts";
import { startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

function envOf(namespace: string): Readonly<Record<string, string | undefined>> {
  // Whoever runs this runs tests already, and says so to what it starts.
  return { NODE_TEST_CONTEXT: undefined, REDIS_URL: redisUrl(), NAMESPACE: namespace };
}

/** What an example prints to standard output, line by line. */
async function linesOf(
  example: string,
  namespace: string = freshNamespace(),
  args: readonly string[] = [],
): Promise<readonly string[]> {
  await using child = startProcess(`docs/examples/${example}`, args, { env: envOf(namespace) });
  const { code } = await child.ended;
  assert.is(code, 0, child.stderr());
  return child.stdout().trim().split(/ *\n/);
}

async function throughline(
  namespace: string,
  ...args: readonly string[]
): Promise<{ code: number | null; out: string }> {
  await using child = startProcess("src/cli/throughline.ts", args, { env: envOf(namespace) });
  const { code } = await child.ended;
  return { code, out: `${child.stdout()}${child.stderr()}` };
}

/** What a document shows below a command, in one fenced block with it. */
function shownBy(document: string, command: string): string {
  const [, shown] = document.split(`\n$ ${command}`)[1]?.match(/^[^\n]*\n(.*?)\n```/s) ?? [];
  assert.ok(shown, `no block shows what "${command}" prints`);
  return shown;
}

test("the README's ten lines book a payment", async () => {
  assert.equal(await linesOf("quickstart.ts"), ["booked p-1: 4200 cents", "acked"]);
});

test("the whole service settles a payment and ends by itself", async () => {
  assert.equal(await linesOf("ledger.ts"), ["payment p-1 was acked", "acme has 4200 cents"]);
});

test("the test of a user's own code passes, and ends by itself", async () => {
  const args = ["--test-reporter=tap", "docs/examples/ledger.test.ts"];
  await using child = startProcess("--test", args, { env: envOf(freshNamespace()) });
  await child.ended;
  assert.match(child.stdout(), /^ok 1 - a payment is booked once, and its span can be found$/m);
  assert.match(child.stdout(), /^# pass 1$/m);
});

test("the test of retries in memory passes, moves its own clock, and ends by itself", async () => {
  const args = ["--test-reporter=tap", "docs/examples/retries.test.ts"];
  await using child = startProcess("--test", args, { env: envOf(freshNamespace()) });
  await child.ended;
  assert.match(child.stdout(), /^ok 1 - a payment that the bank refuses twice is booked at the third attempt/m);
  assert.match(child.stdout(), /^# pass 1$/m);
});

test("the publishing examples repeat nothing, refuse what does not fit, and name causes", async () => {
  assert.equal(await linesOf("publishing.ts"), [
    "true true",
    "cents",
    '{"orderId":"o-1"}',
    '{"orderId":"o-2"} tenant.id=acme',
    '{"orderId":"o-3"}',
  ]);
});

test("an old payment arrives as one of today's", async () => {
  assert.equal(await linesOf("versions.ts"), ["p-1 4200 EUR", "p-2 999 USD"]);
});

test("a batch handler gets what has gathered, and publishes for all of it", async () => {
  assert.equal(await linesOf("batches.ts"), ['{"page":"a","count":2}', '{"page":"b","count":1}']);
});

test("what the bank numbers comes in once, although its connections break", async () => {
  assert.equal(await linesOf("sources.ts"), [
    "line 1: 4200",
    "line 2: 999",
    "line 3: -1500",
    "line 4: 120",
    "line 5: 75",
    "bank 0 has read up to 5; here: true",
  ]);
});

test("what fails for good is a dead letter, and a redrive hands it back", async () => {
  assert.equal(await linesOf("retrying.ts"), [
    "deadLettered deadLettered",
    'l-1: THROUGHLINE_PERMANENT PermanentError: "nowhere" is no address',
    "l-2: ECONNREFUSED Error: connect ECONNREFUSED 127.0.0.1:25",
    "1 redriven",
    "[ 'ann@example.org' ]",
  ]);
});

test("a full channel refuses", async () => {
  const [line = ""] = await linesOf("keeping.ts");
  assert.match(line, /^rejected .*"prices"/);
});

for (const example of ["service.ts", "service-with-telemetry.ts"]) {
  test(`the process of ${example} serves until SIGTERM, and ends with 0`, async () => {
    await using child = startProcess(`docs/examples/${example}`, [], { env: envOf(freshNamespace()) });
    await child.line("joined");
    child.kill("SIGTERM");
    assert.equal(await child.ended, { code: 0, signal: null }, child.stderr());
  });
}

test("telemetry starts without an endpoint, and its log is there", async () => {
  await using child = startProcess("docs/examples/traced-service.ts", [], { env: envOf(freshNamespace()) });
  assert.equal(await child.ended, { code: 0, signal: null });
  assert.match(child.stderr(), "a line with trace_id");
});

test("the ledger's day is recorded, imported, republished, and replayed with the changed handler", async () => {
  await using directory = await makeDirectory();
  const namespace = freshNamespace();
  await linesOf("ledger-day.ts", namespace);
  const lines = directory.path("payments.jsonl");
  await writeFile(lines, '{"id":"p-9","account":"dove","cents":100,"at":1795998857160}\nnothing\n');
  const printed = await linesOf("replaying.ts", namespace, [directory.path("yesterday.ndjson.zst"), lines]);
  const isCall = (line: string): boolean => line.startsWith("acked");
  assert.equal(
    printed.filter((line) => !isCall(line)),
    [
      "true true true",
      "10 entries copied",
      "1 published, 1 skipped",
      "10 and 2 republished",
      "false { same: 3, changed: 2, missing: 0, added: 0 }",
    ],
  );
  // Accounts have no order among one another.
  const balances = ["acked 1 12475", "acked 1 13175", "acked 1 3000", "acked 1 4200", "acked 1 5100"];
  assert.equal(printed.filter(isCall).sort(), balances);
});

test("the command line replays the day with the changed handler, and prints what the README shows", async () => {
  await using directory = await makeDirectory();
  const namespace = freshNamespace();
  await linesOf("ledger-day.ts", namespace);
  const file = directory.path("yesterday.ndjson.zst");
  const recorded = await throughline(namespace, "record", "payments", "receipts", "--component", "ledger", "-o", file);
  assert.is(recorded.code, 0, recorded.out);
  const module = ["--component", "ledger", "--module", "docs/examples/ledger-with-fee.ts", "--diff"];
  const { code, out } = await throughline(namespace, "replay", file, ...module);
  assert.is(code, 1, out);
  const printed = out.replaceAll(file, "yesterday.ndjson.zst").replace(/ +$/gm, "").trimEnd();
  assert.is(printed, shownBy(await readFile("README.md", "utf8"), "npx throughline replay yesterday.ndjson.zst"), out);
});
