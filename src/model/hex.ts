/** Hexadecimal digits of numbers, and back: a table, because `toString(16)` and `parseInt` are slow calls into the runtime. */

const digits = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const values = new Uint8Array(128);
for (let value = 0; value < 16; value++) values[digits[value] as number] = value;

/** Writes the lowest 16 bits of a number as four ASCII digits. */
export function writeHex(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = digits[(value >>> 12) & 15] as number;
  bytes[at + 1] = digits[(value >>> 8) & 15] as number;
  bytes[at + 2] = digits[(value >>> 4) & 15] as number;
  bytes[at + 3] = digits[value & 15] as number;
}

/**
 * Two words of 32 bits as 16 digits, written as one text at once: one that is put together from pieces is
 * flattened by whoever reads it first, which takes as long as all else here.
 */
export function hexOf(high: number, low: number): string {
  return String.fromCharCode(
    digits[high >>> 28] as number,
    digits[(high >>> 24) & 15] as number,
    digits[(high >>> 20) & 15] as number,
    digits[(high >>> 16) & 15] as number,
    digits[(high >>> 12) & 15] as number,
    digits[(high >>> 8) & 15] as number,
    digits[(high >>> 4) & 15] as number,
    digits[high & 15] as number,
    digits[low >>> 28] as number,
    digits[(low >>> 24) & 15] as number,
    digits[(low >>> 20) & 15] as number,
    digits[(low >>> 16) & 15] as number,
    digits[(low >>> 12) & 15] as number,
    digits[(low >>> 8) & 15] as number,
    digits[(low >>> 4) & 15] as number,
    digits[low & 15] as number,
  );
}

/** The word of 32 bits that eight lower-case digits of a text stand for, as a number without sign. */
export function wordAt(text: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) word = (word << 4) | (values[text.charCodeAt(i)] as number);
  return word >>> 0;
}
