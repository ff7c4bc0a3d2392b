/** The command as a person or a script meets it: what it prints, and how it ends. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { type CommandEnd, runCommand } from "../support/command.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

function start(log: HandWritten, ...args: readonly string[]): StartedProcess {
  return startProcess("src/cli/throughline.ts", args, { env: { REDIS_URL: log.url, NAMESPACE: log.namespace } });
}

const run = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> => runCommand(log, args);

test("status prints tables, and JSON when asked", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { algorithm: "orders" });
  await log.append("orders", { id: "e" });
  await log.group("orders", "algorithm");
  const text = await run(log, "status");
  assert.is(text.code, 0, text.err);
  assert.match(text.out, /algorithm +orders +0-0 +1/);
  const json = await run(log, "status", "--json");
  const status = JSON.parse(json.out);
  assert.is(status.components[0].channels[0].lagEntries, 1);
});

test("tail prints the last entries, and with --from the ones from there on", async () => {
  await using log = new HandWritten();
  for (let i = 0; i < 30; i++)
    await log.append("orders", { id: `e-${i}`, key: "AAPL", baggage: "user.id=u%3A1" }, `${1_000 + i}-0`);
  const lines = (text: string): readonly string[] => text.split("\n").filter(Boolean);
  const last = await run(log, "tail", "orders");
  assert.is(lines(last.out).length, 20);
  assert.match(
    lines(last.out)[0] ?? "",
    /^1970-01-01T00:00:01\.010Z {2}1010-0 {2}AAPL {2}e-10 {2}user\.id=u:1 {2}\{"id":"e-10"\}$/,
  );
  const three = await run(log, "tail", "orders", "--limit", "3", "--json");
  assert.equal(
    lines(three.out).map((line) => JSON.parse(line).id),
    ["e-27", "e-28", "e-29"],
  );
  assert.equal(JSON.parse(lines(three.out)[0] ?? ""), {
    channel: "orders",
    partition: 0,
    entryId: "1027-0",
    appendedAt: 1_027,
    id: "e-27",
    time: 1_700_000_000_000,
    key: "AAPL",
    payload: { id: "e-27" },
    traceparent: "",
    tracestate: "",
    baggage: { "user.id": "u:1" },
    causes: [],
  });
  const from = await run(log, "tail", "orders", "--from", "1970-01-01T00:00:01.005Z", "--limit", "2", "--json");
  assert.equal(
    lines(from.out).map((line) => JSON.parse(line).id),
    ["e-5", "e-6"],
  );
  const recent = await run(log, "tail", "orders", "--from", "-5m");
  assert.equal([recent.code, recent.out, recent.err], [1, "", 'There are no such entries in channel "orders".\n']);
});

test("tail --where prints the entries that have the attribute, and counts these", async () => {
  await using log = new HandWritten();
  for (let i = 0; i < 60; i++) {
    const fields = { id: `e-${i}`, payload: { even: i % 2 === 0 }, baggage: `payment.id=p-${i % 3}` };
    await log.append("orders", fields, `${1_000 + i}-0`);
  }
  const ids = async (...args: readonly string[]): Promise<readonly string[]> => {
    const { out, err } = await run(log, "tail", "orders", "--json", ...args);
    assert.is(err, "");
    return out
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).id);
  };
  assert.equal(await ids("--where", "payment.id=p-1", "-n", "2"), ["e-55", "e-58"]);
  const both = ["--where", "payment.id=p-1", "--where", "payload.even=true"];
  assert.equal(await ids(...both, "--limit", "3"), ["e-46", "e-52", "e-58"]);
  assert.equal(await ids(...both, "--from", "1006-0", "--limit", "2"), ["e-10", "e-16"]);
  const none = await run(log, "tail", "orders", "--where", "payment.id=p-9");
  assert.equal([none.code, none.out], [1, ""]);
  assert.is((await run(log, "tail", "orders", "--where", "nothing")).code, 2);
});

test("tail of a channel that does not exist ends with 1, and with 0 when it follows until Ctrl-C", async () => {
  await using log = new HandWritten();
  const never = await run(log, "tail", "ordres");
  assert.equal([never.code, never.out, never.err], [1, "", 'There are no such entries in channel "ordres".\n']);
  await using child = start(log, "tail", "ordres", "--follow");
  let appended = 0;
  const seen = child.line("late-");
  const stop = setInterval(() => void log.append("ordres", { id: `late-${appended++}` }), 50);
  await seen.finally(() => clearInterval(stop));
  child.kill("SIGINT");
  assert.equal(await child.ended, { code: 0, signal: null });
});

test("tail shows entries that are no events, with their control characters escaped", async () => {
  await using log = new HandWritten();
  await log.appendRaw(log.stream("orders"), { what: "\u001b[2J" });
  await log.appendRaw(log.stream("orders"), { payload: "no\u001b[2J json" });
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  await log.appendRaw(log.stream("orders"), { payload: deep });
  const text = await run(log, "tail", "orders");
  assert.is(text.code, 0, text.err);
  assert.match(text.out, /UNREADABLE/);
  assert.not.match(text.out, "\u001b");
  const [unreadable, , last] = (await run(log, "tail", "orders", "--json")).out.split("\n");
  assert.equal(JSON.parse(unreadable ?? "").fields, { what: "\u001b[2J" });
  assert.is(JSON.parse(last ?? "").payloadText, deep);
});

test("tail shows a component's dead letters with why they died", async () => {
  await using log = new HandWritten();
  await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, {
    id: "e",
    payload: "{}",
    "dead-error": "no such symbol",
  });
  const { out } = await run(log, "tail", "orders:dead:algorithm");
  assert.match(out, "dead-error=no such symbol");
});

test("tail --follow prints new entries, and Ctrl-C ends it with 0", async () => {
  await using log = new HandWritten();
  await log.append("orders", { id: "first" });
  await using child = start(log, "tail", "orders", "--follow");
  await child.line("first");
  await log.append("orders", { id: "second" });
  await child.line("second");
  child.kill("SIGINT");
  assert.equal(await child.ended, { code: 0, signal: null });
  assert.is(child.lines.length, 2);
});

test("tail --follow --limit 0 begins with the next entry", async () => {
  await using log = new HandWritten();
  await log.append("orders", { id: "old" }, "1-0");
  await using child = start(log, "tail", "orders", "--follow", "--limit", "0", "--json");
  // Appending until one is seen: nothing tells from outside when the command has begun to wait.
  let appended = 0;
  const seen = child.line("new-");
  const stop = setInterval(() => void log.append("orders", { id: `new-${appended++}` }), 50);
  await seen.finally(() => clearInterval(stop));
  assert.not.match(child.stdout(), '"old"');
  child.kill("SIGTERM");
  assert.equal(await child.ended, { code: 0, signal: null });
});

test("journey prints a tree, and ends with 1 when nothing matches", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "fills"]);
  await log.append("orders", { id: "o", baggage: "client.order_id=c-1" }, "1000-0");
  await log.append("fills", { id: "f", causes: ["o"] }, "1005-0");
  const found = await run(log, "journey", "client.order_id=c-1");
  assert.is(found.code, 0, found.err);
  assert.match(found.out, /└─ \+5 ms {2}fills {2}f/);
  const json = JSON.parse((await run(log, "journey", "f", "--json")).out);
  assert.is(json.beginnings[0].children[0].event.id, "f");
  const nothing = await run(log, "journey", "client.order_id=c-2");
  assert.is(nothing.code, 1);
  assert.match(nothing.out, "No event");
});

test("a command line that cannot be parsed is one line and exit code 2", async () => {
  await using log = new HandWritten();
  const wrong: readonly (readonly string[])[] = [
    ["status", "--colour"],
    ["stauts"],
    ["tail"],
    ["tail", "orders", "--from", "yesterday"],
    ["tail", "orders", "--limit", "-1"],
    ["tail", "Orders"],
    ["journey"],
    ["status", "--url", "http://localhost"],
    ["status", "extra"],
    ["status", "--namespace", "A b"],
  ];
  const results = await Promise.all(wrong.map(async (args) => ({ args, ...(await run(log, ...args)) })));
  for (const { args, code, out, err } of results) {
    assert.is(code, 2, `${args.join(" ")}: ${err}`);
    assert.is(out, "");
    assert.is(err.trimEnd().split("\n").length, 1, err);
  }
});

test("a Redis that is away, and a namespace that nothing has used, are one line and exit code 1", async () => {
  await using log = new HandWritten();
  const startedAt = performance.now();
  const away = await run(log, "status", "--url", "redis://user:secret@127.0.0.1:1");
  assert.is(away.code, 1);
  assert.match(away.err, /^Redis at 127\.0\.0\.1:1 does not answer: .*ECONNREFUSED.*\n$/);
  assert.not.match(away.err, "secret");
  assert.ok(performance.now() - startedAt < 8_000);
  const unused = await run(log, "status");
  assert.equal([unused.code, unused.err.split("\n").length], [1, 2]);
  assert.match(unused.err, "nothing has used namespace");
});

test("help is no error", async () => {
  await using log = new HandWritten();
  const { code, out } = await run(log, "--help");
  assert.is(code, 0);
  for (const command of ["status", "tail", "journey"]) assert.match(out, command);
  const [asked, helped] = await Promise.all([run(log, "tail", "--help"), run(log, "help", "tail")]);
  assert.match(asked.out, "--follow");
  assert.equal([helped.code, helped.out], [0, asked.out]);
  assert.is((await run(log, "help", "tial")).code, 2);
});
