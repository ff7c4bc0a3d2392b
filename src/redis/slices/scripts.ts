/** The scripts of slices, one file for each verb. */

import { type Script, scriptsBeside, withoutHeader } from "../script-source.ts";

const load = scriptsBeside(import.meta.url);
const groups = "../store/groups";
const entries = "../store/entries";

const acknowledge = load.withLibrary("settle-batch", ["row"], [groups, "mirror", "attempts", entries, "effects"]);

export const sliceScripts: Readonly<Record<SliceScript, Script>> = {
  arrive: load("arrive", "row", groups),
  acquire: load("acquire", "row", "attempts", groups, "mirror"),
  beat: load("beat", "row"),
  count: load("count", "row", "attempts", groups, "open-ids"),
  due: load("due", "row", "attempts"),
  finished: load("finished", "row", groups, "open-ids"),
  idle: load("idle"),
  look: load("look", "row"),
  moved: load("moved", "row"),
  release: load("release", "row"),
  renew: load("renew", "row"),
  /** For batches that only acknowledge: it works while memory is full. */
  acknowledge,
  settle: withoutHeader(acknowledge),
  tend: load("tend", "row", "attempts", groups, "open-ids", "mirror"),
  want: load("want", "row"),
};

type SliceScript =
  | "acknowledge"
  | "acquire"
  | "arrive"
  | "beat"
  | "count"
  | "due"
  | "finished"
  | "idle"
  | "look"
  | "moved"
  | "release"
  | "renew"
  | "settle"
  | "tend"
  | "want";
