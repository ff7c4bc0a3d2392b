/**
 * Decodes the replies of XREADGROUP and XREAD as they arrive. The client library takes ten times as long
 * (docs/performance.md).
 */

import type { StoredEntry } from "../../model/stored-entry.ts";

/** A reply: entries, without fields where the entry itself was deleted; or the server's refusal. */
export type StreamsReply = { readonly entries: readonly StoredEntry[] } | { readonly refusal: Error };

const carriageReturn = 0x0d;
const minus = 0x2d;
const array = 0x2a;
const bulk = 0x24;
const zero = 0x30;

/** Thrown where the bytes so far end within a value. A symbol, as an error would cost a stack trace. */
const incomplete = Symbol("incomplete");

/** Largest buffer that is kept for the next reply, bytes. */
const maxKeptBytes = 1_048_576;
/** Number of field names remembered, by their index in an entry: a repeated name need not be decoded anew. */
const maxNames = 16;
/** Text of one byte a character, which can be compared with the bytes directly. */
const ascii = /^[ -~]*$/;

/**
 * Decodes RESP2, one reply at a time. Each part is decoded entry by entry when it arrives, so that a reply in many
 * parts is read once. An incomplete entry waits for its rest.
 */
export class StreamsDecoder {
  #buffer: Buffer = Buffer.allocUnsafe(65_536);
  /** Number of bytes that have arrived. */
  #end = 0;
  /** Index of the next byte to read. */
  #at = 0;
  #begun = false;
  #streamsLeft = 0;
  #entriesLeft = 0;
  #channel = "";
  #entries: StoredEntry[] = [];
  readonly #names: string[] = [];
  /** An array as long as an entry's names and values. Its copies are no array literals: see `listOf`. */
  #blank: string[] = [];
  readonly #channelOf: (stream: string) => string;

  constructor(channelOf: (stream: string) => string) {
    this.#channelOf = channelOf;
  }

  /**
   * Decodes a part. Returns the reply once it is complete.
   * @throws {Error} on bytes that are no such reply; the connection is then of no further use
   */
  decode(part: Buffer): StreamsReply | undefined {
    this.#append(part);
    let whole = this.#at;
    try {
      if (!this.#begun) {
        const refusal = this.#begin();
        if (refusal !== undefined) return this.#complete({ refusal });
      }
      whole = this.#at;
      while (this.#entriesLeft > 0 || this.#streamsLeft > 0) {
        if (this.#entriesLeft === 0) this.#readStream();
        else this.#readEntry();
        whole = this.#at;
      }
      return this.#complete({ entries: this.#entries });
    } catch (error) {
      if (error !== incomplete) throw error;
      this.#at = whole;
      return undefined;
    }
  }

  /** Forgets a reply that will not be completed. */
  reset(): void {
    this.#complete({ entries: [] });
  }

  #complete(reply: StreamsReply): StreamsReply {
    this.#begun = false;
    this.#at = 0;
    this.#end = 0;
    this.#streamsLeft = 0;
    this.#entriesLeft = 0;
    this.#entries = [];
    if (this.#buffer.length > maxKeptBytes) this.#buffer = Buffer.allocUnsafe(65_536);
    return reply;
  }

  /**
   * Appends a part. Decoded bytes make room for it, so that the buffer grows with the entries and not with the reply.
   */
  #append(part: Buffer): void {
    if (this.#at > 0) {
      this.#buffer.copyWithin(0, this.#at, this.#end);
      this.#end -= this.#at;
      this.#at = 0;
    }
    const needed = this.#end + part.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#end);
      this.#buffer = larger;
    }
    part.copy(this.#buffer, this.#end);
    this.#end = needed;
  }

  #begin(): Error | undefined {
    if (this.#end === 0) throw incomplete;
    if (this.#buffer[0] === minus) return this.#readRefusal();
    this.#streamsLeft = Math.max(0, this.#length(array));
    this.#begun = true;
    return undefined;
  }

  #readRefusal(): Error {
    const lineEnd = this.#buffer.subarray(0, this.#end).indexOf("\r\n");
    if (lineEnd < 0) throw incomplete;
    const error = new Error(this.#buffer.toString("utf8", 1, lineEnd));
    error.name = "ReplyError";
    return error;
  }

  #readStream(): void {
    this.#length(array); // 2: its key, its entries
    const stream = this.#text(this.#length(bulk));
    this.#entriesLeft = this.#length(array);
    this.#channel = this.#channelOf(stream);
    this.#streamsLeft--;
  }

  #readEntry(): void {
    this.#length(array); // 2: its id, its fields
    const entryId = this.#text(this.#length(bulk));
    const count = Math.max(0, this.#length(array));
    if (this.#blank.length !== count) this.#blank = new Array<string>(count).fill("");
    const fields = this.#blank.slice();
    for (let i = 0; i < count; i += 2) {
      fields[i] = this.#name(i >> 1);
      fields[i + 1] = this.#text(this.#length(bulk));
    }
    this.#entries.push(new ReadEntry(this.#channel, entryId, fields));
    this.#entriesLeft--;
  }

  /** Reads the number after a type byte; -1 stands for nil. */
  #length(type: number): number {
    const buffer = this.#buffer;
    const end = this.#end;
    let at = this.#at;
    if (at >= end) throw incomplete;
    if (buffer[at] !== type) throw new Error(`byte ${buffer[at]} where a reply to XREADGROUP has ${type}`);
    const isNegative = buffer[++at] === minus;
    if (isNegative) at++;
    let length = 0;
    for (; at < end; at++) {
      const byte = buffer[at] as number;
      if (byte === carriageReturn) {
        if (at + 1 === end) break; // its line feed is still to come
        this.#at = at + 2;
        return isNegative ? -length : length;
      }
      length = length * 10 + byte - zero;
    }
    throw incomplete;
  }

  #text(length: number): string {
    const from = this.#at;
    const to = from + length;
    if (to + 2 > this.#end) throw incomplete;
    this.#at = to + 2;
    return length === 0 ? "" : this.#buffer.toString("utf8", from, to);
  }

  /** Reads a field name. Entries of a stream mostly have the same names at the same index. */
  #name(place: number): string {
    const length = this.#length(bulk);
    const known = this.#names[place];
    if (known !== undefined && known.length === length && this.#isNext(known)) {
      this.#at += length + 2;
      return known;
    }
    const name = this.#text(length);
    if (place < maxNames && ascii.test(name)) this.#names[place] = name;
    return name;
  }

  #isNext(text: string): boolean {
    const buffer = this.#buffer;
    const from = this.#at;
    const { length } = text;
    if (from + length + 2 > this.#end) throw incomplete;
    for (let i = 0; i < length; i++) if (buffer[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}

class ReadEntry implements StoredEntry {
  readonly channel: string;
  readonly entryId: string;
  readonly fields: readonly string[];

  constructor(channel: string, entryId: string, fields: readonly string[]) {
    this.channel = channel;
    this.entryId = entryId;
    this.fields = fields;
  }
}
