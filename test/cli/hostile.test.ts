/** The commands over a namespace in which every text attacks: names, keys, payloads, baggage, errors and queries. */

import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { type CommandEnd, runCommand } from "../support/command.ts";
import { allHostile, unsafeIn } from "../support/hostile.ts";
import { test } from "../support/test.ts";

/** Asserts that a text is safe for a terminal. */
async function looked(log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> {
  const ended = await runCommand(log, args);
  const what = `${args.join(" ")}: ${ended.out}${ended.err}`;
  assert.equal(unsafeIn(ended.out + ended.err), [], what);
  assert.not.match(ended.out + ended.err, /^2026-01-01T00:00:00\.000Z {2}forged/m, what);
  assert.is(ended.err.includes("RangeError") || /^ +at /m.test(ended.err), false, what);
  return ended;
}

/** JSON as it is printed: a value a line, or values over lines that are indented. */
function parsed(text: string): readonly unknown[] {
  return text
    .split(/^(?=[[{])/m)
    .filter((value) => value !== "")
    .map((value) => JSON.parse(value));
}

/** As text and as JSON. */
async function lookedTwice(log: HandWritten, args: readonly string[]): Promise<void> {
  const [, { out }] = await Promise.all([looked(log, ...args), looked(log, ...args, "--json")]);
  parsed(out);
}

/** A channel with a proper name and one without, with an event that died, one that is pending and one that is no event. */
async function attacked(log: HandWritten, text: string): Promise<void> {
  const odd = `odd ${text}`;
  const event = {
    id: `e ${text}`,
    key: text,
    payload: { [text]: text },
    baggage: `user.id=${encodeURIComponent(text)}`,
  };
  await log.describe(["orders", odd], { algorithm: "orders", [text]: `orders,${odd}` });
  const entryId = await log.append("orders", event);
  await log.append("orders", { id: `child ${text}`, causes: [encodeURIComponent(event.id)] });
  await log.appendRaw(log.stream("orders"), { [text]: text });
  await log.append(odd, event);
  for (const group of ["algorithm", text]) await log.group("orders", group);
  await log.group(odd, text);
  await log.deliver("orders", text, `member ${text}`, 1);
  await log.settle("orders", "algorithm", 1);
  for (const component of ["algorithm", text]) {
    const obituary = {
      id: event.id,
      payload: JSON.stringify(event.payload),
      [text]: text,
      "dead-channel": "orders",
      "dead-entry": entryId,
      "dead-component": component,
      "dead-code": text,
      "dead-error": text,
      "dead-attempts": "5",
      "dead-traceparent": text,
    };
    await log.appendRaw(`${log.stream("orders")}:dead:${component}`, obituary, "2000-0");
  }
}

test(
  "every reader shows foreign text as escapes, and its JSON has it as it is",
  async () => {
    await using log = new HandWritten();
    await attacked(log, allHostile);
    // No process takes a zero byte among its arguments.
    const asked = allHostile.replaceAll("\u0000", "");
    const readers: readonly (readonly string[])[] = [
      ["status"],
      ["tail", "orders"],
      ["tail", `nothing:dead:${asked}`],
      ["journey", `orders/${(await log.client.xrange(log.stream("orders"), "-", "+", "COUNT", 1))[0]?.[0]}`],
      ["journey", asked],
      ["dead", "list"],
      ["dead", "show", "2000-0"],
      ["dead", "redrive", "--all", "--dry-run"],
      ["replay", "orders", "--dry-run", "--skip-invalid"],
      ["replays", asked],
    ];
    for (const args of readers) await lookedTwice(log, args);
    const tailed = parsed((await looked(log, "tail", "orders", "--json")).out) as { key: string; payload: object }[];
    assert.equal([tailed[0]?.key, tailed[0]?.payload], [allHostile, { [allHostile]: allHostile }]);
    const [status] = parsed((await looked(log, "status", "--json")).out) as { components: { component: string }[] }[];
    assert.ok(status?.components.some(({ component }) => component === allHostile));
    const text = (await looked(log, "status")).out;
    assert.match(text, "\\u001b[2J");
    assert.match(text, "member ");
  },
  { timeoutMs: 120_000 },
);

test(
  "recordings, comparisons and imports show what stands in a file as escapes, also where it is wrong",
  async () => {
    await using log = new HandWritten();
    await using directory = await mkdtempDisposable(join(tmpdir(), "throughline-hostile-"));
    // No process takes a zero byte among its arguments, and no file's name has a slash.
    const asked = allHostile.replaceAll("\u0000", "").replaceAll("/", "");
    await attacked(log, asked);
    const [path, wrong, lines] = [`r${asked.slice(0, 40)}.ndjson`, "wrong.ndjson", "lines.ndjson"].map((name) =>
      join(directory.path, name),
    ) as [string, string, string];
    const recorded = await looked(log, "record", "orders", "--component", asked, "-o", path);
    assert.is(recorded.code, 0, recorded.err);
    const text = await readFile(path, "utf8");
    await writeFile(wrong, text.replaceAll('"orders"', JSON.stringify(allHostile)).replace("e ", "f "));
    await writeFile(lines, `${JSON.stringify({ [allHostile]: allHostile })}\n${allHostile}\n`);
    for (const args of [
      ["diff", path, wrong],
      ["replay", path, "--component", asked, "--skip-invalid"],
      ["import", wrong],
      [
        "import",
        lines,
        "--format",
        "ndjson",
        "--speed",
        "max",
        "--skip-invalid",
        "--into",
        "orders",
        "--live",
        "--yes",
      ],
      [asked],
      ["status", "--namespace", asked],
    ]) {
      await looked(log, ...args);
    }
  },
  { timeoutMs: 120_000 },
);
