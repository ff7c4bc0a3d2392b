/**
 * `node test/checker/main.ts FILE`: reads a recorded history and says what it violates, a line each; `-` is standard input.
 * Exit code 0 when nothing is violated, 1 on violations, 2 when the file is no history.
 */

import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { escaped } from "../../src/model/safe-text.ts";
import { checkHistory } from "./check.ts";
import { type Fact, HistoryError, parseFacts } from "./history.ts";

async function main(file: string | undefined): Promise<number> {
  if (file === undefined) {
    process.stderr.write("usage: node test/checker/main.ts FILE\n");
    return 2;
  }
  const facts: Fact[] = [];
  try {
    const lines = file === "-" ? createInterface({ input: process.stdin }) : (await open(file)).readLines();
    for await (const fact of parseFacts(lines)) facts.push(fact);
    const violations = checkHistory(facts);
    for (const { kind, text } of violations) process.stdout.write(`${kind.padEnd(10)} ${escaped(text)}\n`);
    process.stdout.write(`${facts.length} facts, ${violations.length} violations\n`);
    return violations.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof HistoryError) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    process.stderr.write(`${escaped(`${file} is no history: ${(error as Error).message}`)}\n`);
    return 2;
  }
}

process.exitCode = await main(process.argv[2]);
