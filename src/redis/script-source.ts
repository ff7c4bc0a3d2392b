/** The Lua scripts' sources: a script has no way to include another, so that what several share is put after the header line. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A script as it is loaded and as it is called. */
export interface Script {
  readonly source: string;
  /** SHA-1 of the source, by which EVALSHA finds it. */
  readonly sha: string;
}

/** Reads scripts by name, without `.lua`, beside the module whose URL this is, each with what it shares with others. */
export function scriptsBeside(moduleUrl: string): (name: string, ...shared: readonly string[]) => Script {
  const read = (name: string): string => readFileSync(new URL(`./${name}.lua`, moduleUrl), "utf8");
  return (name, ...shared) => {
    const own = read(name);
    const afterHeader = own.indexOf("\n") + 1;
    return scriptOf(own.slice(0, afterHeader) + shared.map(read).join("") + own.slice(afterHeader));
  };
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
