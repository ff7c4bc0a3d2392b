/** Protocol buffers' wire format, written into a buffer that grows. @see https://protobuf.dev/programming-guides/encoding/ */

/** Bytes of an id by its hex digits' character codes; what is no hex digit counts as 0. */
const digits: Uint8Array = new Uint8Array(65_536);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  digits[text.charCodeAt(0)] = digit;
  digits[text.toUpperCase().charCodeAt(0)] = digit;
}

/** Up to here a loop over the characters is faster than a call into the runtime. */
const maxLooped = 96;

const double: Float64Array = new Float64Array(1);
const doubleBytes: Uint8Array = new Uint8Array(double.buffer);

/** The varint of a length. */
export function sizeOfVarint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/**
 * Tags are written as the bytes that they are: a field number's, times 8, plus 0 for a varint, 1 for eight bytes, 2 for what has a
 * length, 5 for four bytes. What has no `reserve` of its own writes at most ten bytes, into what its caller has reserved.
 */
export class Wire {
  bytes: Buffer;
  /** Where the next byte goes. */
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.#grow(this.at + count);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(size, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** What was written so far, as a buffer of its own. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(copy, 0, 0, this.at);
    return copy;
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** An integer of 0 to 2³² − 1. */
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

  /** An integer of −2⁶³ to 2⁶³ − 1, as `int64` has it. */
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

  /** Epoch nanoseconds, which no number holds, as `fixed64`: of whole milliseconds and nanoseconds. */
  nanoseconds(ms: number, ns: number): void {
    const seconds = Math.floor(ms / 1_000);
    // Seconds in halves of 16 bits, times 10⁹, are below 2⁵³; and a remainder by `%` would cost as much as all else here.
    const upperSeconds = Math.floor(seconds / 0x1_0000);
    const upper = upperSeconds * 1e9;
    const lower = (seconds - upperSeconds * 0x1_0000) * 1e9 + (ms - seconds * 1_000) * 1e6 + ns;
    const upperHigh = Math.floor(upper / 0x1_0000);
    const lowerHigh = Math.floor(lower / 0x1_0000_0000);
    const low = (upper - upperHigh * 0x1_0000) * 0x1_0000 + (lower - lowerHigh * 0x1_0000_0000);
    this.fixed32(low >>> 0);
    this.fixed32(upperHigh + lowerHigh + (low >= 0x1_0000_0000 ? 1 : 0));
  }

  /** An id's bytes with their length before them. */
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

  /** Bytes as they are, without a length. */
  raw(content: Uint8Array): void {
    const { length } = content;
    this.reserve(length);
    const { bytes } = this;
    const at = this.at;
    if (length > maxLooped) bytes.set(content, at);
    else for (let i = 0; i < length; i++) bytes[at + i] = content[i] as number;
    this.at = at + length;
  }

  /** Characters without a length, if all are ASCII and `maxLooped` at most; else writes nothing and says false. */
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
   * A `KeyValue` of a text, as most attributes are, under the same condition as `ascii`: all lengths inside it then take a byte each.
   * `key`: its field 1.
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

  /** UTF-8 with its length before it; a surrogate without its other half becomes U+FFFD. */
  text(text: string): void {
    this.reserve(5);
    this.byte(text.length); // as far as it is ASCII and short, which nearly all are
    if (this.ascii(text)) return;
    this.at -= 1;
    const size = Buffer.byteLength(text);
    this.reserve(size + 5);
    this.varint(size);
    this.at += this.bytes.write(text, this.at, size, "utf8");
  }

  /** Begins something of a length that is known only at its end, and is below 128 as a rule. Returns what `end` takes. */
  begin(): number {
    this.reserve(1);
    this.at += 1;
    return this.at;
  }

  end(begun: number): void {
    this.#endWithin(begun, 1);
  }

  /** As `begin`, where the length is 128 to 16,383 as a rule. */
  beginLong(): number {
    this.reserve(2);
    this.at += 2;
    return this.at;
  }

  endLong(begun: number): void {
    this.#endWithin(begun, 2);
  }

  /** Moves what was written where its length takes not just the bytes that were left for it. */
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
