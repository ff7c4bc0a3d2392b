/**
 * Encodes EVALSHA with thousands of arguments. The client would make a string of five pieces for each argument
 * (docs/performance.md).
 */

import { Command } from "ioredis";
import { ArgWriter } from "./argument-writer.ts";

/** A script's arguments. `body` follows `head`; its memory is free again when the call returns. */
export type ScriptArgs =
  | readonly (string | number)[]
  | { readonly head: readonly (string | number)[]; readonly body: ArgWriter };

const carriageReturn = 0x0d;
const zero = 0x30;

const writer = new ArgWriter();

/**
 * Memory of finished calls. A new buffer for each call would keep the garbage collector marking all the time
 * (docs/performance.md).
 */
const spares: Buffer[] = [];
const maxSpares = 16;
const leastBytes = 4_096;
/** Largest buffer that is kept, bytes. */
const maxSpareBytes = 1_048_576;

/** Encodes the whole command as it goes over the wire. It may be sent any number of times. */
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

/** A placeholder for a number of four digits as a call's first argument; `setFirst` fills it in. */
export const fourDigits = "0000";

/** Writes a number from 0 to 9,999 over the `fourDigits` of a call that has this many keys. */
export function setFirst(encodedCall: Buffer, keys: number, value: number): void {
  let at = encodedCall.indexOf("\n") + 1;
  // The command's name, the digest, the number of keys, and the keys come before it.
  for (let skipped = 0; skipped < 3 + keys; skipped++) {
    let length = 0;
    for (at++; encodedCall[at] !== carriageReturn; at++) length = length * 10 + (encodedCall[at] as number) - zero;
    at += length + 4;
  }
  at += `$4\r\n`.length;
  for (let place = at + 3, left = value; place >= at; place--, left = Math.floor(left / 10)) {
    encodedCall[place] = zero + (left % 10);
  }
}

/**
 * Takes back a call's memory for another call. The server must have answered it: only then will it not be sent again.
 */
export function recycle(encodedCall: Buffer): void {
  if (spares.length < maxSpares && encodedCall.buffer.byteLength <= maxSpareBytes)
    spares.push(Buffer.from(encodedCall.buffer));
}

function take(bytes: number): Buffer {
  const place = spares.findLastIndex(({ length }) => length >= bytes);
  const [spare] = place < 0 ? [] : spares.splice(place, 1);
  // Sizes are powers of two, so that calls of about the same length can use each other's memory.
  const memory = spare ?? Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(bytes, leastBytes))));
  return memory.subarray(0, bytes);
}

/**
 * A command whose arguments the client does not know. So none of the client's errors can show them: they are payloads.
 */
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
