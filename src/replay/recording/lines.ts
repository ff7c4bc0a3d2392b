/** The lines of a file as it is read, in flat memory: bytes in, whole lines out. */

import { ConfigError } from "../../model/errors.ts";

/** A line without its end. `bytes` are valid until the next `push`. */
export type ByteLine =
  | {
      readonly number: number;
      readonly bytes: Buffer;
      /** Of the byte after its line feed, from the file's beginning. */
      readonly endsAt: number;
    }
  /**
   * Longer than allowed, and not kept. It is given out twice: as soon as it has become too long, without `endsAt`, so that nobody has to
   * read on who does not want to, and where it ends.
   */
  | { readonly number: number; readonly bytes: undefined; readonly endsAt: number | undefined };

/** The longest line that is read, unless somebody says otherwise: an entry with a payload of 8 MiB, each character of it escaped. */
export const defaultMaxLineBytes = 16_777_216;
/** Beyond it no text fits into a string. */
const mostLineBytes = 536_000_000;

/** @throws {ConfigError} on what is no limit */
export function checkMaxLineBytes(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostLineBytes) return limit;
  throw new ConfigError(`maxLineBytes is ${limit}; it must be a whole number from 1 to ${mostLineBytes}`);
}

/** What is wrong with a line that is too long. */
export function tooLong(limit: number): string {
  return `the line is longer than ${limit} bytes, the limit; where it is right, raise maxLineBytes (--max-line-bytes)`;
}

const lineFeed = 0x0a;

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

  /** Whether something stands after the last line feed. */
  get hasRest(): boolean {
    return this.#restBytes > 0;
  }

  /** Whether that is longer than a line may be. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** The number of the last line that has ended. */
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

  /** What stands after the last line feed, as a line; undefined where nothing does. */
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
