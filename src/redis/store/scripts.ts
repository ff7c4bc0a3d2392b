/** The Lua scripts, one file for each storage verb, with their digests. */

import { type Script, scriptsBeside } from "../script-source.ts";

const load = scriptsBeside(import.meta.url);

export const scripts: Readonly<Record<ScriptName, Script>> = {
  append: load("append", "numbers", "groups", "entries"),
  appendOnce: load("append-once"),
  import: load("import", "numbers"),
  maintenanceTurn: load("maintenance-turn"),
  meta: load("meta"),
  purge: load("purge"),
  redrive: load("redrive", "groups", "../slices/row", "../slices/open-ids"),
  repair: load("repair", "groups"),
  replayAppend: load("../replay/replay-append", "groups"),
  replayClaim: load("../replay/replay-claim"),
  replayNote: load("../replay/replay-note"),
  retire: load("retire"),
  trimmable: load("trimmable"),
  trim: load("trim", "groups"),
};

/** Those that publishing runs. Their users may not load any: components do it for them, and owners. */
export const publishingScripts: readonly Script[] = [scripts.append, scripts.appendOnce, scripts.import, scripts.meta];

type ScriptName =
  | "append"
  | "appendOnce"
  | "import"
  | "maintenanceTurn"
  | "meta"
  | "purge"
  | "redrive"
  | "repair"
  | "replayAppend"
  | "replayClaim"
  | "replayNote"
  | "retire"
  | "trim"
  | "trimmable";
