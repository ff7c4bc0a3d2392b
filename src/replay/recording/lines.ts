/** Splits the bytes of a file into whole lines, in constant memory. */

import { ConfigError } from "../../model/errors.ts";

/** A line without its end. `bytes` are valid until the next `push`. */
export type ByteLine =
  | {
      readonly number: number;
      readonly bytes: Buffer;
      /** Offset of the byte after the line's line feed, from the start of the file. */
      readonly endsAt: number;
    }
  /**
   * A line longer than allowed, whose bytes are not kept. It is given out twice: without `endsAt` as soon as it is too long, so that a
   * caller may stop there, and again at its end.
   */
  | { readonly number: number; readonly bytes: undefined; readonly endsAt: number | undefined };

/** Default longest line, bytes: an entry with a payload of 8 MiB, each character of it escaped. */
export const defaultMaxLineBytes = 16_777_216;
/** Greatest allowed limit, bytes: a longer line would not fit into a string. */
const mostLineBytes = 536_000_000;

/** Checks a limit. @throws {ConfigError} on a value that is no limit */
export function checkMaxLineBytes(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostLineBytes) return limit;
  throw new ConfigError(`maxLineBytes is ${limit}; it must be a whole number from 1 to ${mostLineBytes}`);
}

/** The sentence about a line that is too long. */
export function tooLong(limit: number): string {
  return `the line is longer than ${limit} bytes, the limit; where it is right, raise maxLineBytes (--max-line-bytes)`;
}

const lineFeed = 0x0a;

/** Takes bytes and gives whole lines. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** Bytes after the last line feed. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #isTooLong = false;
  #number = 0;
  #offset = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** True where bytes follow the last line feed. */
  get hasRest(): boolean {
    return this.#restBytes > 0;
  }

  /** True where these bytes exceed the limit of a line. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Number of the last whole line. */
  get number(): number {
    return this.#number;
  }

  *push(chunk: Buffer): Generator<ByteLine, void, undefined> {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      yield* this.#add(chunk.subarray(from, end));
      yield this.#ended(this.#offset + end + 1);
      from = end + 1;
    }
    if (from < chunk.length) yield* this.#add(chunk.subarray(from));
    this.#offset += chunk.length;
  }

  /** Gives the bytes after the last line feed as a line; undefined where there are none. */
  end(): ByteLine | undefined {
    return this.hasRest ? this.#ended(this.#offset) : undefined;
  }

  *#add(bytes: Buffer): Generator<ByteLine, void, undefined> {
    this.#restBytes += bytes.length;
    if (this.#isTooLong) return;
    this.#rest.push(bytes);
    if (this.#restBytes <= this.#maxLineBytes) return;
    this.#isTooLong = true;
    this.#rest = [];
    yield { number: this.#number + 1, bytes: undefined, endsAt: undefined };
  }

  #ended(endsAt: number): ByteLine {
    const [only] = this.#rest;
    const bytes = this.#rest.length === 1 && only !== undefined ? only : Buffer.concat(this.#rest);
    const isTooLong = this.#isTooLong;
    this.#rest = [];
    this.#restBytes = 0;
    this.#isTooLong = false;
    this.#number++;
    return isTooLong ? { number: this.#number, bytes: undefined, endsAt } : { number: this.#number, bytes, endsAt };
  }
}
