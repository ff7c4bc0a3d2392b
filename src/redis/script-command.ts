/** EVALSHA with thousands of arguments, encoded here: the client makes a string of five pieces of each (docs/performance.md). */

import { Command } from "ioredis";
import { ArgWriter } from "./arg-writer.ts";

/** `body` follows `head`; it is read while it is handed over, and may be used again after that. */
export type ScriptArgs =
  | readonly (string | number)[]
  | { readonly head: readonly (string | number)[]; readonly body: ArgWriter };

const writer = new ArgWriter();

/** The whole command as it goes over the wire, any number of times. */
export function encodeScriptCall(sha: string, keys: readonly string[], args: ScriptArgs): Buffer {
  const [head, body] = "body" in args ? [args.head, args.body] : [args, undefined];
  writer.clear();
  writer.add("EVALSHA");
  writer.add(sha);
  writer.add(keys.length);
  for (const key of keys) writer.add(key);
  for (const arg of head) writer.add(arg);
  const count = `*${writer.count + (body?.count ?? 0)}\r\n`;
  const bodyAt = count.length + writer.byteLength;
  const encoded = Buffer.allocUnsafe(bodyAt + (body?.byteLength ?? 0));
  encoded.write(count, "latin1");
  writer.copy(encoded, count.length);
  body?.copy(encoded, bodyAt);
  return encoded;
}

/** Its arguments are not known to the client, so that they are in none of its errors either: they are payloads. */
export class ScriptCommand extends Command {
  readonly #encoded: Buffer;

  constructor(encoded: Buffer) {
    super("evalsha", [], { replyEncoding: "utf8" });
    this.#encoded = encoded;
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}
