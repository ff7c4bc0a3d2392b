/** Hexadecimal digits: what is written can be read, as the runtime's own way writes and reads it. */

import * as assert from "uvu/assert";
import { hexOf, wordAt, writeHex } from "../../src/model/hex.ts";
import { test } from "../support/test.ts";

const words = [0, 1, 0xf, 0x10, 0x7fff_ffff, 0x8000_0000, 0x89ab_cdef, 0xffff_ffff];

test("two words are written as the runtime writes them, and read again", () => {
  for (const high of words) {
    for (const low of words) {
      const text = hexOf(high, low);
      assert.is(text, high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0"));
      assert.is(wordAt(text, 0), high);
      assert.is(wordAt(text, 8), low);
    }
    // A word may come signed, as operators on bits give it.
    assert.is(hexOf(high | 0, high | 0), hexOf(high, high));
  }
});

test("of a number its lowest 16 bits are written, between what stands there", () => {
  const bytes = Buffer.from("------", "latin1");
  writeHex(bytes, 1, 0x1234_0fab);
  assert.is(bytes.toString("latin1"), "-0fab-");
});
