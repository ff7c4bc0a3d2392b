/** The encoding of script calls: byte for byte what the protocol asks for, whatever the arguments are. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { ScriptCommand } from "../../src/redis/script-command.ts";
import { test } from "../support/test.ts";

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
      const command = new ScriptCommand("0a1b", keys, args);
      assert.equal(command.toWritable(), expected(["EVALSHA", "0a1b", keys.length, ...keys, ...args]));
    }),
  );
});

test("writes arguments whose length has more digits in bytes than in characters", () => {
  for (const length of [4, 5, 9, 10, 33, 34, 99, 100, 333, 334, 999, 1_000]) {
    const args = ["é".repeat(length), "€".repeat(length), "x".repeat(length), "😀".repeat(length)];
    assert.equal(new ScriptCommand("0a1b", [], args).toWritable(), expected(["EVALSHA", "0a1b", 0, ...args]));
  }
});

test("keeps its bytes while another command is written", () => {
  const first = new ScriptCommand("0a1b", ["k"], ["first"]);
  const second = new ScriptCommand("0a1b", ["k"], ["second", "x".repeat(200_000)]);
  assert.equal(first.toWritable(), expected(["EVALSHA", "0a1b", 1, "k", "first"]));
  assert.equal(second.toWritable(), expected(["EVALSHA", "0a1b", 1, "k", "second", "x".repeat(200_000)]));
});

test("shows its arguments to no error of the client", () => {
  assert.equal(new ScriptCommand("0a1b", ["k"], ["secret"]).args, []);
});
