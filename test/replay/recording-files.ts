/** The fixtures of the recordings' tests: a directory of their own, and files as other programs write them. */

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { RecordedLine, Recording } from "../../src/replay.ts";

export interface Directory extends AsyncDisposable {
  path(name: string): string;
}

export async function makeDirectory(): Promise<Directory> {
  const root = await mkdtemp(join(tmpdir(), "throughline-recording-"));
  return {
    path: (name) => join(root, name),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** The lines of an uncompressed or gzipped recording, parsed. */
export async function jsonLines(path: string): Promise<readonly Record<string, unknown>[]> {
  const bytes = await readFile(path);
  const text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The ids of the entries that stand in it. */
export async function entryIds(path: string): Promise<readonly string[]> {
  return (await jsonLines(path)).filter((line) => "channel" in line).map(({ entryId }) => String(entryId));
}

export const header: Readonly<Record<string, unknown>> = {
  throughline: "recording",
  version: 1,
  namespace: "trading",
  partitions: 1,
  channels: ["orders"],
  components: ["algorithm"],
  from: "-",
  to: "9-0",
  where: [],
  recordedAt: 1,
};

export function entry(n: number): Record<string, unknown> {
  return { channel: "orders", partition: 0, entryId: `${n}-0`, fields: ["payload", `{"n":${n}}`] };
}

/** Writes lines as a recording has them, and one that ends it as it should. */
export async function writeRecording(path: string, lines: readonly (object | string)[]): Promise<void> {
  const before = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
  const entries = lines.filter((line) => typeof line === "object" && "channel" in line).length;
  const settlements = lines.filter((line) => typeof line === "object" && "settled" in line).length;
  const sha256 = createHash("sha256").update(before).digest("hex");
  await writeFile(path, `${before}${JSON.stringify({ end: { entries, settlements, sha256 } })}\n`);
}

export async function linesOf(recording: Recording): Promise<readonly RecordedLine[]> {
  const lines: RecordedLine[] = [];
  for await (const line of recording.lines()) lines.push(line);
  return lines;
}
