/** EVALSHA with thousands of arguments, encoded here: the client makes a string of five pieces of each (docs/performance.md). */

import { Command } from "ioredis";
import { ArgWriter } from "./argument-writer.ts";

/** `body` follows `head`; it is read while it is handed over, and may be used again after that. */
export type ScriptArgs =
  | readonly (string | number)[]
  | { readonly head: readonly (string | number)[]; readonly body: ArgWriter };

const carriageReturn = 0x0d;
const zero = 0x30;

const writer = new ArgWriter();

/** Memory of calls that are over: a new piece for each call keeps the garbage collector marking all the time (docs/performance.md). */
const spares: Buffer[] = [];
const maxSpares = 16;
const leastBytes = 4_096;
/** A larger piece is not kept. */
const maxSpareBytes = 1_048_576;

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
  const encoded = take(bodyAt + (body?.byteLength ?? 0));
  encoded.write(count, "latin1");
  writer.copy(encoded, count.length);
  body?.copy(encoded, bodyAt);
  return encoded;
}

/** Room for a number of two digits as a call's first argument, for `setFirst`. */
export const twoDigits = "00";

/** Writes a number from 0 to 99 into the first argument of a call with so many keys, which `twoDigits` has kept for it. */
export function setFirst(encodedCall: Buffer, keys: number, value: number): void {
  let at = encodedCall.indexOf("\n") + 1;
  // Before it are the command's name, the digest, the number of keys, and the keys.
  for (let skipped = 0; skipped < 3 + keys; skipped++) {
    let length = 0;
    for (at++; encodedCall[at] !== carriageReturn; at++) length = length * 10 + (encodedCall[at] as number) - zero;
    at += length + 4;
  }
  at += `$2\r\n`.length;
  encodedCall[at] = zero + Math.floor(value / 10);
  encodedCall[at + 1] = zero + (value % 10);
}

/** The server has answered the call, so that all of it was received, and it is not sent again: its memory may be used for another. */
export function recycle(encodedCall: Buffer): void {
  if (spares.length < maxSpares && encodedCall.buffer.byteLength <= maxSpareBytes)
    spares.push(Buffer.from(encodedCall.buffer));
}

function take(bytes: number): Buffer {
  const place = spares.findLastIndex(({ length }) => length >= bytes);
  const [spare] = place < 0 ? [] : spares.splice(place, 1);
  // By powers of two, so that calls of about the same length fit each other's.
  const memory = spare ?? Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(bytes, leastBytes))));
  return memory.subarray(0, bytes);
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
