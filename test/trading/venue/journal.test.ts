/** The journal keeps every record that was on the disk, and forgets only what was half there at its end. */

import { appendFile, readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { ConfigError } from "../../../src/index.ts";
import type { Command } from "../../../trading/venue/commands.ts";
import { openJournal } from "../../../trading/venue/journal.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { commands } from "./commands-of.ts";
import { type Directory, venueDirectory } from "./directory.ts";

async function read({ path }: Directory): Promise<{ id: string; tornBytes: number; commands: readonly Command[] }> {
  const replayed: Command[] = [];
  const { id, journal, tornBytes } = await openJournal(path, (command) => replayed.push(command));
  await journal.close();
  return { id, tornBytes, commands: replayed };
}

/** Writes each batch as one record; gives the file's length after the header and after each. */
async function write({ path, journal: file }: Directory, batches: readonly (readonly Command[])[]): Promise<number[]> {
  const { journal } = await openJournal(path, () => undefined);
  const lengths = [(await readFile(file)).length];
  for (const batch of batches) {
    for (const command of batch) journal.append(command);
    await journal.flush(
      () => undefined,
      () => undefined,
    );
    lengths.push((await readFile(file)).length);
  }
  await journal.close();
  return lengths;
}

test("gives back what was written, in its order, under the same id", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 1, maxLength: 3 }), async (batches) => {
      await using directory = await venueDirectory();
      await write(directory, batches);
      const first = await read(directory);
      assert.equal(first.commands, batches.flat());
      assert.equal(await read(directory), first);
    }),
    { numRuns: 20 },
  );
});

test(
  "cut at any byte, it has all whole records before the cut, and takes new ones",
  async () => {
    await using directory = await venueDirectory();
    const [one, two, three] = fc.sample(commands, { numRuns: 3, seed: 7 }) as [Command[], Command[], Command[]];
    const batches = [one.slice(0, 3), two.slice(0, 2), three.slice(0, 2)];
    const lengths = await write(directory, batches);
    const whole = await readFile(directory.journal);
    for (let cut = 0; cut <= whole.length; cut++) {
      await writeFile(directory.journal, whole.subarray(0, cut));
      const records = lengths.filter((length) => length <= cut).length;
      const found = await read(directory);
      assert.equal(found.commands, batches.slice(0, Math.max(0, records - 1)).flat(), `cut at ${cut}`);
      const kept = records === 0 ? 0 : (lengths[records - 1] as number);
      assert.is(found.tornBytes, cut - kept);
      if (cut % 40 !== 0) continue;
      await write(directory, [three]);
      assert.equal((await read(directory)).commands, [...found.commands, ...three]);
    }
  },
  { timeoutMs: 240_000 },
);

test("a last record that is damaged in any bit is forgotten, one before it is not passed over in silence", async () => {
  await using directory = await venueDirectory();
  const [all] = fc.sample(commands, { numRuns: 1, seed: 3 }) as [Command[]];
  const [, middle = 0, end = 0] = await write(directory, [all.slice(0, 2), all.slice(2, 4)]);
  const whole = await readFile(directory.journal);
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(whole);
    copy[at] = (copy[at] as number) ^ 4;
    return copy;
  };
  for (let at = middle; at < end - 1; at += 7) {
    await writeFile(directory.journal, flipped(at));
    assert.equal((await read(directory)).commands, all.slice(0, 2));
  }
  for (let at = 0; at < middle - 1; at += 7) {
    await writeFile(directory.journal, flipped(at));
    await rejects(read(directory), ConfigError, /damaged at byte \d+|no journal/);
  }
});

test("refuses a file that is no journal", async () => {
  await using directory = await venueDirectory();
  await appendFile(directory.journal, "hello\nworld\n");
  await rejects(read(directory), ConfigError, /damaged at byte 0/);
});

test("a write that the disk refuses is told, and nothing is written after it", async () => {
  await using directory = await venueDirectory();
  const { journal } = await openJournal(directory.path, () => undefined);
  const before = (await readFile(directory.journal)).length;
  await journal.close(); // a closed file refuses as a full disk does
  const [all] = fc.sample(commands, { numRuns: 1, seed: 3 }) as [Command[]];
  await rejects(journal.write(JSON.stringify(all)), Error);
  journal.append(all[0] as Command);
  assert.is((await readFile(directory.journal)).length, before);
});
