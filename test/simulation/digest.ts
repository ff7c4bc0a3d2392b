/** What a history was, in 64 bits: when each of its steps was, and what it has left on the server. */

import { hash } from "node:crypto";
import type { Entry, Keyspace } from "../../src/memory/keyspace.ts";
import type { World } from "./world.ts";

/** Of no history. */
export const noDigest: string = "0".repeat(16);

/** 16 hexadecimal digits. */
export function digestOf(world: World, keys: Keyspace): string {
  const parts = [String(world.steps), String(world.timesDigest)];
  for (const [key, value] of keys.copy()) {
    parts.push(key);
    if (value.type === "stream") {
      parts.push(...value.entries.map(textOf));
      for (const { at, pending } of value.groups.values()) parts.push(at, ...pending.keys());
    }
    if (value.type === "hash")
      for (const [field, text] of value.fields) parts.push(field, typeof text === "string" ? text : "");
  }
  return hash("sha1", parts.join("\n"), "hex").slice(0, 16);
}

function textOf({ id, fields }: Entry): string {
  return `${id} ${fields.join(" ")}`;
}

/** Of the histories of both, in whatever order they ran. */
export function bothDigests(one: string, other: string): string {
  return (BigInt(`0x${one}`) ^ BigInt(`0x${other}`)).toString(16).padStart(16, "0");
}
