/** Runs test files, each in a process of its own, and counts what they report. Anything short of a clean run is a failure. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { TestReport } from "./test.ts";

/** A test, or a file as a whole, that failed or was skipped. */
export interface TestNote {
  readonly test: string;
  readonly reason: string;
}

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  /** The names of those that passed. */
  readonly passes: readonly string[];
  readonly failures: readonly TestNote[];
  readonly skips: readonly TestNote[];
  readonly durationMs: number;
  /** The output of the file's process, both streams in the order of arrival. */
  readonly output: string;
}

export interface RunFilesOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Files that run at once. */
  readonly concurrency: number;
  /** A file from which nothing is heard for this long, beyond the time-out of the test that it runs, is killed. */
  readonly silenceMs: number;
  /** Longest time that a file's process may take to end after its last test. */
  readonly exitGraceMs: number;
  readonly onResult: (result: FileResult) => void;
}

/** Resolves with the results in the order in which the files ended. */
export async function runFiles(files: readonly string[], options: RunFilesOptions): Promise<readonly FileResult[]> {
  const waiting = [...files];
  const results: FileResult[] = [];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, options);
      results.push(result);
      options.onResult(result);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return results;
}

async function runFile(file: string, options: RunFilesOptions): Promise<FileResult> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [file], {
    env: { ...options.env, THROUGHLINE_TEST_REPORT_FD: "3", THROUGHLINE_TEST_EXIT_GRACE_MS: `${options.exitGraceMs}` },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }

  let silent = false;
  const killSilent = (): void => {
    silent = true;
    child.kill("SIGKILL");
  };
  let silence = setTimeout(killSilent, options.silenceMs);
  const reports: TestReport[] = [];
  createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
    const report = JSON.parse(line) as TestReport;
    reports.push(report);
    clearTimeout(silence);
    silence = setTimeout(killSilent, options.silenceMs + ("timeoutMs" in report ? report.timeoutMs : 0));
  });

  const end = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? String(code)));
  });
  clearTimeout(silence);

  const passes = reports.flatMap((report) => (report.event === "passed" ? [report.test] : []));
  const failures = reports.flatMap((report) => (report.event === "failed" ? [noteOf(report)] : []));
  const problem = problemOf(reports, end, silent ? options.silenceMs : undefined);
  if (problem !== undefined) failures.push({ test: file, reason: problem });
  return {
    file,
    passed: passes.length,
    passes,
    failures,
    skips: reports.flatMap((report) => (report.event === "skipped" ? [noteOf(report)] : [])),
    durationMs: Math.round(performance.now() - startedAt),
    output,
  };
}

/** The fault of the file as a whole, beside its failed tests. `end` is the process's exit code or signal. */
function problemOf(reports: readonly TestReport[], end: string, silenceMs: number | undefined): string | undefined {
  const leak = reports.find((report) => report.event === "leaked");
  if (leak?.event === "leaked") return `left open after its last test: ${leak.reason}`;
  if (silenceMs !== undefined) return `killed: its event loop stood still, nothing was heard for ${silenceMs} ms`;
  if (!reports.some((report) => report.event === "begun")) {
    return end === "0" ? "registered no test" : `ended with ${end} before its first test`;
  }
  if (!reports.some((report) => report.event === "done")) return `ended with ${end} before its last test was done`;
  const failed = reports.some((report) => report.event === "failed");
  return end === "0" || (end === "1" && failed) ? undefined : `ended with ${end} after its last test`;
}

function noteOf(report: Extract<TestReport, { reason: string }>): TestNote {
  return { test: report.test, reason: report.reason };
}
