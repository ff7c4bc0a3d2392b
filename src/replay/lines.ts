/** The lines of a file as it is read, in flat memory: bytes in, whole lines out. */

/** A line without its end. Valid until the next `push`. */
export interface ByteLine {
  readonly number: number;
  /** Undefined where the line is longer than allowed. */
  readonly bytes: Buffer | undefined;
  /** Of the byte after its line feed, from the file's beginning. */
  readonly endsAt: number;
}

const lineFeed = 0x0a;

export class LineSplitter {
  readonly #maxLineBytes: number;
  /** Bytes after the last line feed. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #tooLong = false;
  #number = 0;
  #offset = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Whether something stands after the last line feed. */
  get hasRest(): boolean {
    return this.#restBytes > 0 || this.#tooLong;
  }

  /** The number of the last line that was given out. */
  get number(): number {
    return this.#number;
  }

  *push(chunk: Buffer): Generator<ByteLine, void, undefined> {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      yield this.#line(chunk.subarray(from, end), this.#offset + end + 1);
      from = end + 1;
    }
    this.#offset += chunk.length;
    if (from === chunk.length) return;
    this.#restBytes += chunk.length - from;
    this.#rest.push(chunk.subarray(from));
    if (this.#restBytes <= this.#maxLineBytes) return;
    this.#tooLong = true;
    this.#rest = [];
  }

  /** What stands after the last line feed, as a line; undefined where nothing does. */
  end(): ByteLine | undefined {
    return this.hasRest ? this.#line(Buffer.alloc(0), this.#offset) : undefined;
  }

  #line(last: Buffer, endsAt: number): ByteLine {
    this.#number++;
    const tooLong = this.#tooLong || this.#restBytes + last.length > this.#maxLineBytes;
    const bytes = this.#restBytes === 0 ? last : Buffer.concat([...this.#rest, last]);
    this.#rest = [];
    this.#restBytes = 0;
    this.#tooLong = false;
    return { number: this.#number, bytes: tooLong ? undefined : bytes, endsAt };
  }
}
