/** `startProcess`: a script of ours as a process of its own, whose lines can be awaited and which never outlives its test. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The end of a process: exactly one of the two is not null. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess extends AsyncDisposable {
  readonly pid: number;
  /** Every line so far, of both streams, without their ends. */
  readonly lines: readonly string[];
  /** Standard output alone, as it was written. */
  stdout(): string;
  stderr(): string;
  /** Resolves when the process has ended and all its output was read. */
  readonly ended: Promise<ProcessEnd>;
  /** Resolves with the first line, past or future, that holds the text. @throws when the process ends or time runs out first. */
  line(text: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Sends the signal and does not wait; SIGKILL unless told. */
  kill(signal?: NodeJS.Signals): void;
  /** Closes its standard input after writing the text. */
  end(text?: string): void;
}

export interface StartProcessOptions {
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** In a process group of its own: what a terminal tells the group of this process, such as Ctrl-C, does not reach it. */
  readonly ownGroup?: boolean;
}

/** Starts `node script …args`. Dispose kills it, if it still runs, and waits for its end. */
export function startProcess(
  script: string,
  args: readonly string[] = [],
  options: StartProcessOptions = {},
): StartedProcess {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, THROUGHLINE_TEST_REPORT_FD: undefined, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: options.ownGroup ?? false,
  });
  return follow(child, script);
}

function follow(child: ChildProcess, script: string): StartedProcess {
  if (child.pid === undefined) throw new Error(`${script} could not be started`);
  const lines: string[] = [];
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  let hasEnded = false;
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once("close", (code, signal) => {
      hasEnded = true;
      resolve({ code, signal });
      for (const look of watchers) look();
    });
  });
  for (const name of ["stdout", "stderr"] as const) {
    const stream = child[name];
    if (stream === null) continue;
    stream.setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const look of watchers) look();
    });
  }
  // A process that has ended already takes no input; the test sees that from its end.
  child.stdin?.on("error", () => undefined);

  const line = (wanted: string | RegExp, timeoutMs = 45_000): Promise<string> =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const stop = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${script} ${why} before a line with ${wanted}. It wrote:\n${lines.join("\n")}`));
      };
      const look = (): void => {
        for (; seen < lines.length; seen++) {
          const candidate = lines[seen] ?? "";
          if (typeof wanted === "string" ? !candidate.includes(wanted) : !wanted.test(candidate)) continue;
          stop();
          resolve(candidate);
          return;
        }
        if (hasEnded) fail("ended");
      };
      const timer = setTimeout(() => fail(`ran for ${timeoutMs} ms`), timeoutMs);
      watchers.add(look);
      look();
    });

  return {
    pid: child.pid,
    lines,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    ended,
    line,
    kill: (signal = "SIGKILL") => void child.kill(signal),
    end: (input = "") => void child.stdin?.end(input),
    async [Symbol.asyncDispose]() {
      if (!hasEnded) child.kill("SIGKILL");
      await ended;
    },
  };
}
