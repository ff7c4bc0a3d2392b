/** Writes a command's arguments as they go over the wire, one after the other, into a buffer that is used again. */

const dollar = 0x24;
const zero = 0x30;
const cr = 0x0d;
const lf = 0x0a;
/** Bytes reserved for the length of an argument that is still open. */
const reserved = 16;
/** Characters up to which a loop is faster than a native call. */
const maxLooped = 20;

/** Largest buffer that is kept for the next command, bytes. */
const maxKeptBytes = 4 * 1_048_576;
const initialBytes = 65_536;

/** Writes each argument as a bulk string of the protocol: `$<bytes>\r\n<text>\r\n`. */
export class ArgWriter {
  #bytes: Buffer = Buffer.allocUnsafe(initialBytes);
  #length = 0;
  #count = 0;
  #openedAt = 0;

  /** The number of arguments written since `clear`. */
  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#length;
  }

  clear(): void {
    if (this.#bytes.length > maxKeptBytes) this.#bytes = Buffer.allocUnsafe(initialBytes);
    this.#length = 0;
    this.#count = 0;
  }

  add(arg: string | number): void {
    const text = typeof arg === "string" ? arg : String(arg);
    const most = 3 * text.length + 32;
    if (this.#length + most > this.#bytes.length) this.#grow(most);
    let digits = digitsOf(text.length);
    let length = this.#write(text, this.#length + digits + 3);
    if (digitsOf(length) !== digits) {
      digits = digitsOf(length);
      length = this.#write(text, this.#length + digits + 3);
    }
    const bytes = this.#bytes;
    bytes[this.#length] = dollar;
    for (let place = this.#length + digits, rest = length; place > this.#length; place--) {
      bytes[place] = zero + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    const begin = this.#length + digits + 3;
    bytes[begin - 2] = cr;
    bytes[begin - 1] = lf;
    bytes[begin + length] = cr;
    bytes[begin + length + 1] = lf;
    this.#length = begin + length + 2;
    this.#count++;
  }

  /** Begins an argument that consists of several parts; no other argument may be added before `close`. */
  open(): void {
    this.#openedAt = this.#length;
    if (this.#length + reserved > this.#bytes.length) this.#grow(reserved);
    this.#length += reserved;
  }

  part(text: string): this {
    const most = 3 * text.length;
    if (this.#length + most > this.#bytes.length) this.#grow(most);
    this.#length += this.#write(text, this.#length);
    return this;
  }

  /** Adds a part of digits, for a whole number from 0. */
  number(value: number): this {
    if (value >= 10) return this.part(String(value));
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = zero + value;
    return this;
  }

  close(): void {
    const begin = this.#openedAt + reserved;
    const length = this.#length - begin;
    const head = `$${length}\r\n`;
    if (this.#length + 2 > this.#bytes.length) this.#grow(2);
    this.#bytes.copyWithin(this.#openedAt + head.length, begin, this.#length);
    this.#bytes.write(head, this.#openedAt, "latin1");
    this.#length = this.#openedAt + head.length + length;
    this.#bytes[this.#length++] = cr;
    this.#bytes[this.#length++] = lf;
    this.#count++;
  }

  /** Copies all arguments into `target`, beginning at `at`. */
  copy(target: Buffer, at: number): void {
    this.#bytes.copy(target, at, 0, this.#length);
  }

  #grow(most: number): void {
    const larger = Buffer.allocUnsafe(2 * this.#bytes.length + most);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  /** Writes the text as UTF-8. Returns the bytes that it takes. */
  #write(text: string, at: number): number {
    const bytes = this.#bytes;
    if (text.length > maxLooped) return bytes.write(text, at, "utf8");
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return bytes.write(text, at, "utf8");
      bytes[at + i] = code;
    }
    return text.length;
  }
}

function digitsOf(length: number): number {
  let digits = 1;
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}
