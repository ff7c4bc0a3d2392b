/** `test`: registers a test with uvu, and adds what uvu lacks: a time-out, a report for the runner, a check for leaks. */

import { writeSync } from "node:fs";
import { basename } from "node:path";
import { suite } from "uvu";

/** A report of a test file to the runner, one JSON line each, on the descriptor that `THROUGHLINE_TEST_REPORT_FD` names. */
export type TestReport =
  | { readonly event: "begun" | "done"; readonly test: string; readonly timeoutMs: number }
  | { readonly event: "passed"; readonly test: string }
  | { readonly event: "failed" | "skipped" | "leaked"; readonly test: string; readonly reason: string };

export interface TestOptions {
  /** Default 60,000, far more than any needs on a busy machine. The test then fails; the ones after it still run. */
  readonly timeoutMs?: number;
}

/** Between the end of a file's last test and the end of its process; what is open by then was leaked. The runner may say otherwise. */
const exitGraceMs = Number(process.env["THROUGHLINE_TEST_EXIT_GRACE_MS"] ?? 20_000);

const fileName = basename(process.argv[1] ?? "tests");
const reportFd = process.env["THROUGHLINE_TEST_REPORT_FD"];
const tests = suite(fileName);
let registered = 0;
let ended = 0;
let begun = false;

/** Registers a test of this file. The file's tests run one after the other, by themselves, once the file is evaluated. */
export function test(name: string, run: () => void | Promise<void>, options: TestOptions = {}): void {
  // uvu would run the earlier tests again.
  if (begun) throw new Error(`test "${name}" is registered too late: register all tests before the file's first await`);
  if (registered === 0) {
    setImmediate(() => {
      begun = true;
      tests.run();
    });
  }
  registered++;
  tests(name, () => runTest(name, run, options.timeoutMs ?? 60_000));
}

/** Ends the running test as skipped, for a reason that its machine gives, such as a missing Docker engine. */
export function skip(reason: string): never {
  throw new Skipped(reason);
}

class Skipped extends Error {}

async function runTest(name: string, run: () => void | Promise<void>, timeoutMs: number): Promise<void> {
  report({ event: "begun", test: name, timeoutMs });
  try {
    await withTimeout(run, timeoutMs);
    report({ event: "passed", test: name });
  } catch (thrown) {
    if (thrown instanceof Skipped) {
      report({ event: "skipped", test: name, reason: thrown.message });
      return;
    }
    const error = toError(thrown);
    report({ event: "failed", test: name, reason: error.message });
    throw error;
  } finally {
    ended++;
    if (ended === registered) watchForLeaks();
  }
}

async function withTimeout(run: () => void | Promise<void>, timeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the test was not done after ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([run(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** uvu's report breaks on what has no `stack` or no `name`. */
function toError(thrown: unknown): Error {
  // The first failure says more than a later failure to dispose.
  if (thrown instanceof SuppressedError) return toError(thrown.suppressed);
  if (thrown instanceof Error && typeof thrown.stack === "string" && typeof thrown.name === "string") return thrown;
  return new Error(`the test threw something that is no error: ${JSON.stringify(thrown) ?? String(thrown)}`);
}

function watchForLeaks(): void {
  report({ event: "done", test: fileName, timeoutMs: exitGraceMs });
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(", ");
    report({ event: "leaked", test: fileName, reason: open });
    process.stderr.write(`${fileName} left something open after its last test: ${open}\n`);
    process.exit(1);
  }, exitGraceMs).unref();
  // Nothing is open any more. Left to itself, Node 22 can spin for ever in `Environment::CleanupHandles`, counting on a request of a socket that
  // was cut (the model cuts thousands); `exit` skips that.
  process.once("beforeExit", () => process.exit());
}

function report(line: TestReport): void {
  if (reportFd !== undefined) writeSync(Number(reportFd), `${JSON.stringify(line)}\n`);
}
