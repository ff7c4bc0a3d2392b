/** The servers that a test is to run on: the one on the path, and others whose directories THROUGHLINE_SERVERS names. */

import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { skip } from "./test.ts";

export interface ServerVersion {
  /** Such as "Valkey 9"; "the server on the path" for the first. */
  readonly name: string;
  /** Runs with this server first on the path. Skips the running test where it is not there. */
  run<T>(start: () => Promise<T>): Promise<T>;
}

/** Those that the store must work on, beside the one on the path. */
const wanted: readonly string[] = ["Redis 8", "Valkey 8", "Valkey 9"];

export const serverVersions: readonly ServerVersion[] = [
  { name: "the server on the path", run: (start) => start() },
  ...wanted.map((name): ServerVersion => ({ name, run: (start) => runOn(name, start) })),
];

async function runOn<T>(name: string, start: () => Promise<T>): Promise<T> {
  const directory = await directoryOf(name);
  if (directory === undefined)
    skip(
      `there is no server of ${name}: THROUGHLINE_SERVERS names the directories of others, separated by "${delimiter}"`,
    );
  const { PATH = "" } = process.env;
  process.env["PATH"] = `${directory}${delimiter}${PATH}`;
  try {
    return await start();
  } finally {
    process.env["PATH"] = PATH;
  }
}

/** The directory whose server says that it is of this version. */
async function directoryOf(name: string): Promise<string | undefined> {
  const [kind = "", major = ""] = name.split(" ", 2);
  for (const directory of (process.env["THROUGHLINE_SERVERS"] ?? "").split(delimiter)) {
    if (directory === "") continue;
    const program = join(directory, `${kind.toLowerCase()}-server`);
    const banner = await promisify(execFile)(program, ["--version"]).catch(() => undefined);
    if (banner?.stdout.includes(`v=${major}.`) === true) return directory;
  }
  return undefined;
}
