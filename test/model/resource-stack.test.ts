/** A stack of resources is disposed of in reverse order, whole, and once. */

import * as assert from "uvu/assert";
import { ResourceStack } from "../../src/model/resource-stack.ts";
import { test } from "../support/test.ts";

test("disposes of the last one first, and of none twice", async () => {
  const disposed: string[] = [];
  const stack = new ResourceStack();
  const first = { [Symbol.asyncDispose]: async () => void disposed.push("first") };
  assert.is(stack.use(first), first);
  stack.defer(() => void disposed.push("second"));
  await stack[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
  assert.equal(disposed, ["second", "first"]);
});

test("one that fails does not keep the others, and its error is thrown", async () => {
  const disposed: string[] = [];
  const stack = new ResourceStack();
  stack.defer(() => void disposed.push("first"));
  stack.defer(() => Promise.reject(new Error("it is stuck")));
  const error = await stack[Symbol.asyncDispose]().catch((thrown: unknown) => thrown);
  assert.match(String(error), "it is stuck");
  assert.equal(disposed, ["first"]);
});
