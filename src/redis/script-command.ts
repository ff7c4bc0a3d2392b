/** EVALSHA with thousands of arguments, encoded here: the client makes a string of five pieces of each (docs/performance.md). */

import { Command } from "ioredis";

const dollar = 0x24;
const zero = 0x30;
const cr = 0x0d;
const lf = 0x0a;
/** Beyond it a native call per text is faster than a loop. */
const maxLooped = 20;

/** Where commands are put together, one at a time. Grows to the largest there was. */
let scratch: Buffer = Buffer.allocUnsafe(65_536);

/** Its arguments are not known to the client, so that they are in none of its errors either: they are payloads. */
export class ScriptCommand extends Command {
  readonly #encoded: Buffer;

  constructor(sha: string, keys: readonly string[], args: readonly (string | number)[]) {
    super("evalsha", [], { replyEncoding: "utf8" });
    this.#encoded = encode(["EVALSHA", sha, String(keys.length)], keys, args);
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}

function encode(...lists: readonly (readonly (string | number)[])[]): Buffer {
  let count = 0;
  let mostBytes = 32;
  for (const list of lists) {
    count += list.length;
    for (const arg of list) mostBytes += (typeof arg === "string" ? 3 * arg.length : 24) + 16;
  }
  if (mostBytes > scratch.length) scratch = Buffer.allocUnsafe(mostBytes);
  let at = scratch.write(`*${count}\r\n`, "latin1");
  for (const list of lists) for (const arg of list) at = put(typeof arg === "string" ? arg : String(arg), at);
  return Buffer.from(scratch.subarray(0, at)); // a copy: it may wait for the socket
}

/** Returns where the next one begins. */
function put(text: string, at: number): number {
  let digits = digitsOf(text.length);
  let length = write(text, at + digits + 3);
  if (digitsOf(length) !== digits) {
    digits = digitsOf(length);
    length = write(text, at + digits + 3);
  }
  scratch[at] = dollar;
  for (let place = at + digits, rest = length; place > at; place--) {
    scratch[place] = zero + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  const begin = at + digits + 3;
  scratch[begin - 2] = cr;
  scratch[begin - 1] = lf;
  scratch[begin + length] = cr;
  scratch[begin + length + 1] = lf;
  return begin + length + 2;
}

/** Returns the bytes that it takes. */
function write(text: string, at: number): number {
  if (text.length > maxLooped) return scratch.write(text, at, "utf8");
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return scratch.write(text, at, "utf8");
    scratch[at + i] = code;
  }
  return text.length;
}

function digitsOf(length: number): number {
  let digits = 1;
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}
