/** `npm run test:faults`: runs the tests of every row of the catalogue, with faults in full length, and then prints each row's result. */

import { provideRedis } from "../../src/local-redis/provided-redis.ts";
import { type FileResult, runFiles } from "../support/run-files.ts";
import { type Row, rows } from "./rows.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function show({ file, passed, failures, skips, durationMs, output }: FileResult): void {
  say(`${failures.length === 0 ? "ok    " : "FAILED"} ${file}  ${passed} passed  (${durationMs} ms)`);
  for (const { test, reason } of skips) say(`         skipped "${test}": ${reason}`);
  for (const { test, reason } of failures) say(`         failed "${test}": ${reason.split("\n", 1)[0]}`);
  if (failures.length > 0) say(output.split("\n").slice(-80).join("\n").replace(/^/gm, "       | "));
}

/** The worst result among the row's tests. */
function verdictOf({ tests }: Row, results: readonly FileResult[]): string {
  const reasons: string[] = [];
  for (const { file, part } of tests) {
    const result = results.find((one) => one.file === file);
    const skipped = result?.skips.find(({ test }) => test.includes(part));
    const hasFailed = result?.failures.some(({ test }) => test.includes(part) || test === file) ?? true;
    if (hasFailed) return "FAILED";
    if (skipped !== undefined) reasons.push(skipped.reason);
    else if (!result?.passes.some((test) => test.includes(part))) return `FAILED: no test of ${file} has "${part}"`;
  }
  return reasons.length === 0 ? "ok" : `skipped: ${reasons.join("; ")}`;
}

const files = [...new Set(rows.flatMap(({ tests }) => tests.map(({ file }) => file)))].sort();
await using redis = await provideRedis({ env: process.env, say });
say(`Redis: ${redis.description}`);
const { REDIS_URL: _, ...env } = process.env;
const results = await runFiles(files, {
  env: { ...env, THROUGHLINE_TEST_REDIS_URL: redis.url, THROUGHLINE_FAULTS: "full" },
  concurrency: 2,
  silenceMs: 60_000,
  exitGraceMs: 20_000,
  onResult: show,
});

say("");
const verdicts = rows.map((row) => ({ row, verdict: verdictOf(row, results) }));
for (const { row, verdict } of verdicts) say(`${verdict.padEnd(8)} ${row.fault} → ${row.outcome}`);
const sum = (count: (result: FileResult) => number): number =>
  results.reduce((total, result) => total + count(result), 0);
const missing = verdicts.filter(({ verdict }) => verdict.startsWith("FAILED:")).length;
const failed = sum(({ failures }) => failures.length) + missing;
const skipped = sum(({ skips }) => skips.length);
say("");
say(`${sum(({ passed }) => passed)} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 ? 0 : 1;
