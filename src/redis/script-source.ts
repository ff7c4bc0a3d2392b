/** The Lua scripts' sources: a script has no way to include another, so that what several share is put after the header line. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A script as it is loaded and as it is called. */
export interface Script {
  readonly source: string;
  /** SHA-1 of the source, by which EVALSHA finds it. */
  readonly sha: string;
}

/** Reads a script by name, without `.lua`, with what it shares with others. */
export interface ScriptReader {
  (name: string, ...shared: readonly string[]): Script;
  /**
   * Likewise, but what is in `rare` is made only when the script calls `library()`, which returns the functions by name: a server makes all
   * functions of a script anew each time it runs.
   */
  withLibrary(name: string, shared: readonly string[], rare: readonly string[]): Script;
}

/** Reads the scripts beside the module whose URL this is. */
export function scriptsBeside(moduleUrl: string): ScriptReader {
  const read = (name: string): string => readFileSync(new URL(`./${name}.lua`, moduleUrl), "utf8");
  const load = (name: string, included: string): Script => {
    const own = read(name);
    const afterHeader = own.indexOf("\n") + 1;
    return scriptOf(own.slice(0, afterHeader) + included + own.slice(afterHeader));
  };
  return Object.assign((name: string, ...shared: readonly string[]) => load(name, shared.map(read).join("")), {
    withLibrary: (name: string, shared: readonly string[], rare: readonly string[]): Script => {
      const text = rare.map(read).join("");
      const names = [...text.matchAll(/^local function (\w+)/gm)].map(([, one]) => `${one} = ${one}`);
      const library = `local function library()\n${text}return { ${names.join(", ")} }\nend\n`;
      return load(name, shared.map(read).join("") + library);
    },
  });
}

/**
 * The same script without its header. While memory is full the server then refuses the first write that needs memory, and not the script
 * before it begins.
 */
export function withoutHeader({ source }: Script): Script {
  return scriptOf(source.slice(source.indexOf("\n") + 1));
}

function scriptOf(source: string): Script {
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}
