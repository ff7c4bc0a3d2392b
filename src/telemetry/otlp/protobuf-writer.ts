/**
 * Writes the wire format of protocol buffers into a buffer that grows.
 * @see https://protobuf.dev/programming-guides/encoding/
 */

/** The value of each hex digit by its character code; 0 for any other character. */
const digits: Uint8Array = new Uint8Array(65_536);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  digits[text.charCodeAt(0)] = digit;
  digits[text.toUpperCase().charCodeAt(0)] = digit;
}

/** Characters up to which a loop is faster than a call into the runtime. */
const maxLooped = 96;

const double: Float64Array = new Float64Array(1);
const doubleBytes: Uint8Array = new Uint8Array(double.buffer);

/** The bytes of a length as a varint. */
export function sizeOfVarint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/**
 * Writes fields. Tags are given as bytes: the field's number times 8, plus 0 for a varint, 1 for eight bytes, 2 for a
 * field with a length, 5 for four bytes. A method without a `reserve` of its own writes at most ten bytes, for which
 * its caller has reserved room.
 */
export class Wire {
  bytes: Buffer;
  /** The index of the next byte. */
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for this many bytes more. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.#grow(this.at + count);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(size, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** Copies the bytes that were written so far. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(copy, 0, 0, this.at);
    return copy;
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** Writes an integer of 0 to 2³² − 1. */
  varint(value: number): void {
    const { bytes } = this;
    let at = this.at;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** Writes an integer of −2⁶³ to 2⁶³ − 1, as `int64`. */
  int64(value: number): void {
    if (value >= 0 && value <= 0xffff_ffff) {
      this.varint(value);
      return;
    }
    const size = Math.abs(value);
    let low = size >>> 0;
    let high = (size / 0x1_0000_0000) >>> 0;
    if (value < 0) {
      low = -low >>> 0;
      high = (low === 0 ? -high : ~high) >>> 0;
    }
    while (high > 0 || low > 0x7f) {
      this.byte((low & 0x7f) | 0x80);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.byte(low);
  }

  fixed32(value: number): void {
    const { bytes } = this;
    const at = this.at;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.at = at + 4;
  }

  double(value: number): void {
    double[0] = value;
    this.bytes.set(doubleBytes, this.at);
    this.at += 8;
  }

  /** Writes epoch nanoseconds as `fixed64`, from whole milliseconds and nanoseconds: no number holds their sum. */
  nanoseconds(ms: number, ns: number): void {
    const seconds = Math.floor(ms / 1_000);
    // Seconds in halves of 16 bits, times 10⁹, are below 2⁵³. A remainder by `%` would cost as much as all else here.
    const upperSeconds = Math.floor(seconds / 0x1_0000);
    const upper = upperSeconds * 1e9;
    const lower = (seconds - upperSeconds * 0x1_0000) * 1e9 + (ms - seconds * 1_000) * 1e6 + ns;
    const upperHigh = Math.floor(upper / 0x1_0000);
    const lowerHigh = Math.floor(lower / 0x1_0000_0000);
    const low = (upper - upperHigh * 0x1_0000) * 0x1_0000 + (lower - lowerHigh * 0x1_0000_0000);
    this.fixed32(low >>> 0);
    this.fixed32(upperHigh + lowerHigh + (low >= 0x1_0000_0000 ? 1 : 0));
  }

  /** Writes the bytes of an id, with their length before them. */
  hex(text: string): void {
    const { length } = text;
    this.reserve(length + 5);
    this.varint(length >>> 1);
    const { bytes } = this;
    let at = this.at;
    for (let i = 0; i + 1 < length; i += 2) {
      bytes[at++] = ((digits[text.charCodeAt(i)] as number) << 4) | (digits[text.charCodeAt(i + 1)] as number);
    }
    this.at = at;
  }

  /** Writes bytes without a length. */
  raw(content: Uint8Array): void {
    const { length } = content;
    this.reserve(length);
    const { bytes } = this;
    const at = this.at;
    if (length > maxLooped) bytes.set(content, at);
    else for (let i = 0; i < length; i++) bytes[at + i] = content[i] as number;
    this.at = at + length;
  }

  /**
   * Writes characters without a length, if all are ASCII and at most `maxLooped`. Else writes nothing, and returns
   * false.
   */
  ascii(text: string): boolean {
    const { length } = text;
    if (length > maxLooped) return false;
    this.reserve(length);
    const { bytes } = this;
    const at = this.at;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at + i] = code;
    }
    this.at = at + length;
    return true;
  }

  /**
   * Writes a `KeyValue` whose value is a text, as most are, on the condition of `ascii`: all lengths inside it then
   * take a byte each. `key`: field 1, encoded.
   */
  asciiPair(tag: number, key: Uint8Array, text: string): boolean {
    const { length } = text;
    if (length > maxLooped) return false;
    const keyLength = key.length;
    this.reserve(keyLength + length + 16);
    const { bytes } = this;
    let at = this.at;
    bytes[at++] = tag;
    let rest = keyLength + length + 4;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    for (let i = 0; i < keyLength; i++) bytes[at++] = key[i] as number;
    bytes[at++] = 0x12;
    bytes[at++] = length + 2;
    bytes[at++] = 0x0a;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.at = at;
    return true;
  }

  /** Writes UTF-8 with its length before it. A lone surrogate becomes U+FFFD. */
  text(text: string): void {
    this.reserve(5);
    this.byte(text.length); // right for short ASCII, as nearly all texts are
    if (this.ascii(text)) return;
    this.at -= 1;
    const size = Buffer.byteLength(text);
    this.reserve(size + 5);
    this.varint(size);
    this.at += this.bytes.write(text, this.at, size, "utf8");
  }

  /** Begins a field whose length is known only at its end, and is mostly below 128. Returns the argument of `end`. */
  begin(): number {
    this.reserve(1);
    this.at += 1;
    return this.at;
  }

  end(begun: number): void {
    this.#endWithin(begun, 1);
  }

  /** Begins a field whose length is mostly 128 to 16,383. Returns the argument of `endLong`. */
  beginLong(): number {
    this.reserve(2);
    this.at += 2;
    return this.at;
  }

  endLong(begun: number): void {
    this.#endWithin(begun, 2);
  }

  /** Writes a length. Moves the content where the length does not take exactly the bytes that were left for it. */
  #endWithin(begun: number, left: number): void {
    const end = this.at;
    const length = end - begun;
    const size = sizeOfVarint(length);
    if (size !== left) {
      this.reserve(5);
      this.bytes.copyWithin(begun - left + size, begun, end);
    }
    this.at = begun - left;
    this.varint(length);
    this.at = end - left + size;
  }
}
