/** The Lua scripts, one file for each storage verb, with their digests. */

import { type Script, scriptsBeside } from "../script-source.ts";

const load = scriptsBeside(import.meta.url);

export const scripts: Readonly<Record<ScriptName, Script>> = {
  ack: load("ack"),
  append: load("append", "numbers", "groups", "entries"),
  appendOnce: load("append-once"),
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
export const publishingScripts: readonly Script[] = [scripts.append, scripts.appendOnce, scripts.import, scripts.meta];

type ScriptName =
  | "ack"
  | "append"
  | "appendOnce"
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
