/** Removes the fence from the text of the settlement scripts, to measure its cost. */

import { createHash } from "node:crypto";
import type { Script } from "../src/redis/script-source.ts";
import { scripts } from "../src/redis/store/scripts.ts";

/** The parts of the text that make the fence, and their replacements. Each must be found exactly once. */
const lookUp = `local registered = redis.call('ZSCORE', KEYS[1], member)
local robbed = registered and redis.call('EXISTS', KEYS[2]) == 1
`;
const edits: Readonly<Record<"settle" | "ack", readonly (readonly [fence: string, without: string])[]>> = {
  settle: [
    [lookUp, ""],
    ["  local verdict = registered and 'acked' or 'fenced'\n", "  local verdict = 'acked'\n"],
    [
      `  if robbed then
    for d = 1, #streams do
      if redis.call('SISMEMBER', KEYS[2], KEYS[streams[d]] .. '/' .. ARGV[firstDelivery + d - 1]) == 1 then verdict = 'fenced' end
    end
  end
`,
      "",
    ],
  ],
  ack: [
    [lookUp, ""],
    [
      "    if not registered or (robbed and redis.call('SISMEMBER', KEYS[2], stream .. '/' .. id) == 1) then\n",
      "    if false then\n",
    ],
  ],
};

/** Removes the fence. @throws when a script's text is no longer the one that the edits were made for */
export function unfenced(script: Script): Script {
  const name = script === scripts.settle ? "settle" : script === scripts.ack ? "ack" : undefined;
  if (name === undefined) return script;
  let source = script.source;
  for (const [fence, without] of edits[name]) {
    if (source.split(fence).length !== 2) {
      throw new Error(`bench/unfenced.ts no longer fits ${name}.lua: this is not there once:\n${fence}`);
    }
    source = source.replace(fence, () => without);
  }
  if (/registered|robbed|SISMEMBER/.test(source.replaceAll(/--.*/g, ""))) {
    throw new Error(`bench/unfenced.ts leaves a part of the fence in ${name}.lua`);
  }
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}
