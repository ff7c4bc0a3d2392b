/** The Lua scripts, one file for each storage verb, with their digests. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A script as it is loaded and as it is called. */
export interface Script {
  readonly source: string;
  /** SHA-1 of the source, by which EVALSHA finds it. */
  readonly sha: string;
}

/** A script has no way to include another: what several share is put after the header line. */
function load(name: string, ...shared: readonly string[]): Script {
  const own = read(name);
  const afterHeader = own.indexOf("\n") + 1;
  const source = own.slice(0, afterHeader) + shared.map(read).join("") + own.slice(afterHeader);
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

function read(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), "utf8");
}

export const scripts: Readonly<Record<ScriptName, Script>> = {
  ack: load("ack"),
  append: load("append", "numbers", "groups", "entries"),
  begin: load("begin"),
  bury: load("bury"),
  claim: load("claim"),
  heartbeat: load("heartbeat"),
  import: load("import", "numbers"),
  join: load("join", "groups"),
  look: load("look"),
  maintenanceTurn: load("maintenance-turn"),
  meta: load("meta"),
  park: load("park"),
  positions: load("positions", "groups"),
  purge: load("purge"),
  reack: load("reack"),
  reap: load("reap"),
  redrive: load("redrive"),
  release: load("release"),
  repair: load("repair", "groups"),
  replayAppend: load("../replay/replay-append", "groups"),
  replayClaim: load("../replay/replay-claim"),
  replayNote: load("../replay/replay-note"),
  retire: load("retire"),
  settle: load("settle", "numbers", "groups", "entries"),
  trimmable: load("trimmable"),
  trim: load("trim", "groups"),
  unpark: load("unpark"),
};

/** Those that publishing runs. Their users may not load any: components do it for them, and owners. */
export const publishingScripts: readonly Script[] = [scripts.append, scripts.import, scripts.meta];

type ScriptName =
  | "ack"
  | "append"
  | "begin"
  | "bury"
  | "claim"
  | "heartbeat"
  | "import"
  | "join"
  | "look"
  | "maintenanceTurn"
  | "meta"
  | "park"
  | "positions"
  | "purge"
  | "reack"
  | "reap"
  | "redrive"
  | "release"
  | "repair"
  | "replayAppend"
  | "replayClaim"
  | "replayNote"
  | "retire"
  | "settle"
  | "trim"
  | "trimmable"
  | "unpark";
