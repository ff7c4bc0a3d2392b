/** The docs check finds code that has drifted from its file, and links that lead nowhere. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { problemsOf } from "../../tools/docs.ts";
import { test } from "../support/test.ts";

async function problemsIn(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), "throughline-docs-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
    return problemsOf(root, "README.md");
  } finally {
    await rm(root, { recursive: true });
  }
}

const source = "const before = 1;\n  // #region use\n  use(\n    it,\n  );\n  // #endregion use\n";

test("accepts a block that equals its region, moved to the margin", async () => {
  const block = "<!-- from a.ts#use -->\n```ts\nuse(\n  it,\n);\n```\n";
  assert.equal(await problemsIn({ "README.md": block, "a.ts": source }), []);
});

test("accepts a block that equals its whole file", async () => {
  assert.equal(await problemsIn({ "README.md": "<!-- from a.ts -->\n\n```ts\nuse();\n```\n", "a.ts": "use();\n" }), []);
});

test("names the first line that differs", async () => {
  const block = "<!-- from a.ts#use -->\n```ts\nuse(\n  that,\n);\n```\n";
  assert.equal(await problemsIn({ "README.md": block, "a.ts": source }), [
    'README.md: the block from a.ts#use differs from it: line 2 should be "  it,", and is "  that,"',
  ]);
});

test("finds marks without a file, a region or a block", async () => {
  const text = [
    "<!-- from b.ts -->\n```ts\nx\n```",
    "<!-- from a.ts#other -->\n```ts\nx\n```",
    "<!-- from a.ts -->\nno block\n",
  ].join("\n\n");
  assert.equal(await problemsIn({ "README.md": text, "a.ts": source }), [
    "README.md: a block is taken from b.ts, which does not exist",
    "README.md: a block is taken from a.ts#other, and the file has no such region",
    'README.md: no fenced block stands under the mark "from a.ts"',
  ]);
});

test("finds code with imports that was taken from no file", async () => {
  const text = [
    '```ts\nimport { use } from "it";\n```',
    "```python\nfrom it import use\n```",
    '- in a list:\n\n  ```js\n  const { use } = require("it");\n  ```',
    "```ts\nimportant();\n```",
    '<!-- from a.ts -->\n```ts\nimport { use } from "it";\n```',
  ].join("\n\n");
  assert.equal(await problemsIn({ "README.md": text, "a.ts": 'import { use } from "it";\n' }), [
    'README.md: the block with "import { use } from \\"it\\";" is taken from no file: mark it "<!-- from FILE#REGION -->"',
    'README.md: the block with "from it import use" is taken from no file: mark it "<!-- from FILE#REGION -->"',
    'README.md: the block with "const { use } = require(\\"it\\");" is taken from no file: mark it "<!-- from FILE#REGION -->"',
  ]);
});

test("finds paths of the checkout that do not exist", async () => {
  assert.equal(await problemsIn({ "README.md": "`src/gone.ts`, `src/gone.ts` and `a.ts`", "a.ts": source }), [
    "README.md: the path src/gone.ts does not exist",
  ]);
});

test("finds dead links to files and headings, outside of code", async () => {
  const text = [
    "# The `title` here",
    "[up](#the-title-here) [file](a.ts) [gone](gone.md) [part](#gone) [web](https://example.org/x.md)",
    "`[code](nowhere)`",
    "```\n[code](nowhere)\n```",
  ].join("\n");
  assert.equal(await problemsIn({ "README.md": text, "a.ts": source }), [
    "README.md: the link to gone.md leads nowhere",
    "README.md: the link to #gone names no heading",
  ]);
});
