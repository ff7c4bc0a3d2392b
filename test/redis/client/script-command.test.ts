/** The encoding of script calls: byte for byte what the protocol asks for, whatever the arguments are. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { ArgWriter } from "../../../src/redis/client/argument-writer.ts";
import { encodeScriptCall, fourDigits, ScriptCommand, setFirst } from "../../../src/redis/client/script-command.ts";
import { test } from "../../support/test.ts";

function expected(words: readonly (string | number)[]): Buffer {
  const parts = words.map((word) => {
    const text = String(word);
    return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  });
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`);
}

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "binary", minLength: 90, maxLength: 400 }));

test("writes every argument with its length in bytes", () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(fc.oneof(text, fc.integer())), (keys, args) => {
      const all = expected(["EVALSHA", "0a1b", keys.length, ...keys, ...args]);
      assert.equal(encodeScriptCall("0a1b", keys, args), all);
      const body = new ArgWriter();
      for (const arg of args.slice(1)) body.add(arg);
      assert.equal(encodeScriptCall("0a1b", keys, { head: args.slice(0, 1), body }), all);
    }),
  );
});

test("writes arguments whose length has more digits in bytes than in characters", () => {
  for (const length of [4, 5, 9, 10, 33, 34, 99, 100, 333, 334, 999, 1_000]) {
    const args = ["é".repeat(length), "€".repeat(length), "x".repeat(length), "😀".repeat(length)];
    assert.equal(encodeScriptCall("0a1b", [], args), expected(["EVALSHA", "0a1b", 0, ...args]));
  }
});

test("keeps its bytes while another command is written", () => {
  const first = encodeScriptCall("0a1b", ["k"], ["first"]);
  const second = encodeScriptCall("0a1b", ["k"], ["second", "x".repeat(5_000_000)]);
  const third = encodeScriptCall("0a1b", ["k"], ["third"]);
  assert.equal(first, expected(["EVALSHA", "0a1b", 1, "k", "first"]));
  assert.equal(second, expected(["EVALSHA", "0a1b", 1, "k", "second", "x".repeat(5_000_000)]));
  assert.equal(third, expected(["EVALSHA", "0a1b", 1, "k", "third"]));
});

test("shows its arguments to no error of the client", () => {
  assert.equal(new ScriptCommand(encodeScriptCall("0a1b", ["k"], ["secret"])).args, []);
});

test("writes a number into the first argument, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(text), fc.integer({ min: 0, max: 9_999 }), (keys, args, value) => {
      const call = encodeScriptCall("0a1b", keys, [fourDigits, ...args]);
      setFirst(call, keys.length, value);
      const digits = String(value).padStart(4, "0");
      assert.equal(call, expected(["EVALSHA", "0a1b", keys.length, ...keys, digits, ...args]));
    }),
  );
});
