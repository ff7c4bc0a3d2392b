/** Foreign text is shown without anything that steers a terminal, hides or reorders; JSON of it is JSON of the same value. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { errorText, escaped, escapedLines, shown, usageLine } from "../../src/model/safe-text.ts";
import { hostileText, unsafeIn } from "../support/hostile.ts";
import { test } from "../support/test.ts";

test("escapes characters that steer a terminal, hide or reorder text, and no others", () => {
  assert.is(escaped("a\u001b[2J\u009b\u202e\u2028\n\r\t\u0000"), "a\\u001b[2J\\u009b\\u202e\\u2028\\n\\r\\t\\u0000");
  assert.is(escaped("\u{e0001}\ud800"), "\\udb40\\udc01\\ud800");
  assert.is(escaped('é漢🚀 ½ "q" \\n — →'), 'é漢🚀 ½ "q" \\n — →');
  assert.is(escapedLines("a\nb\u001b\r"), "a\nb\\u001b\\r");
  assert.is(usageLine(" error:\u001b\nhelp \n"), "error:\\u001b help\n");
});

test("leaves no unsafe character, changes nothing a second time, and gives JSON of the same value", () => {
  fc.assert(
    fc.property(hostileText, fc.jsonValue(), fc.integer({ min: 1, max: 40 }), (text, value, length) => {
      assert.equal(unsafeIn(escaped(text)), []);
      assert.not.match(escaped(text), "\n");
      assert.is(escaped(escaped(text)), escaped(text));
      assert.equal(unsafeIn(escapedLines(text)), []);
      assert.is(escapedLines(text).split("\n").length, text.split("\n").length);
      const cut = shown(text, length);
      assert.equal(unsafeIn(cut), []);
      assert.ok(cut.length <= length);
      for (const indent of [undefined, 2]) {
        const hostile = { [text]: [text, value] };
        const json = escapedLines(JSON.stringify(hostile, undefined, indent));
        assert.equal(unsafeIn(json), []);
        assert.equal(JSON.parse(json), JSON.parse(JSON.stringify(hostile)));
      }
    }),
    { numRuns: 500 },
  );
});

test("cuts between characters, not through one", () => {
  assert.is(shown("a🚀b", 3), "a…");
  assert.is(shown("a🚀", 3), "a🚀");
  assert.is(shown("abc", 3), "abc");
  assert.is(shown("abcd", 3), "ab…");
  assert.is(shown("x".repeat(10_000_000), 5), "xxxx…");
});

test("shows an error's message on one line and keeps the lines of its stack", () => {
  const error = new Error("bad\u001b[2J\n    at forged (file:1:1)");
  const [first, second] = errorText(error).split("\n");
  assert.is(first, "Error: bad\\u001b[2J\\n    at forged (file:1:1)");
  assert.match(second ?? "", /^ +at .*safe-text\.test/);
  assert.is(errorText("thrown\n"), "thrown\\n");
});
