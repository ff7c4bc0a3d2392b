/** The history checker refuses files that are no history, and as a program reports its result by its exit code. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { checkHistory } from "./check.ts";
import { writeFacts } from "./collect.ts";
import { counterOf, Edit, right, withoutAll } from "./edit.ts";
import { HistoryError, parseFacts } from "./history.ts";

test("refuses a history that is incomplete", async () => {
  assert.throws(() => checkHistory(right().slice(0, -1)), /it has no end/);
  assert.throws(() => checkHistory([...right(), counterOf(1)]), /something follows the end/);
  const read = async (text: string): Promise<void> => {
    for await (const fact of parseFacts(text.split("\n"))) assert.ok(fact);
  };
  await rejects(read('{"fact":"end","drained":true}\n{"fact":"guess"}'), HistoryError, /line 2 is no fact/);
  await rejects(read('{"fact":'), HistoryError, /line 1 is no JSON/);
});

test("as a program it ends with 0 on a right history, 1 on a violation, 2 on a file that is no history", async () => {
  const directory = await mkdtemp(join(tmpdir(), "history-"));
  try {
    const check = async (name: string, text: string): Promise<readonly [number | null, string]> => {
      await writeFile(join(directory, name), text);
      await using run = startProcess("test/checker/main.ts", [join(directory, name)]);
      const { code } = await run.ended;
      return [code, run.lines.join("\n")];
    };
    assert.equal(await check("right", writeFacts(right())), [0, `${right().length} facts, 0 violations`]);
    const [code, said] = await check("wrong", writeFacts(withoutAll(new Edit(), 2).facts));
    assert.is(code, 1);
    assert.match(said, /^lost {7}in e2 was acknowledged as 2-0 and is not in the log\n.* 1 violations$/);
    const [broken, why] = await check("broken", writeFacts(right().slice(0, 5)));
    assert.is(broken, 2);
    assert.match(why, /is no history: it has no end/);
    await using nowhere = startProcess("test/checker/main.ts", [join(directory, "nowhere")]);
    assert.is((await nowhere.ended).code, 2);
  } finally {
    await rm(directory, { recursive: true });
  }
});
