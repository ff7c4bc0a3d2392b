/** The order in which test files are run: the longest first, so that none is left over at the end while the other cores stand idle. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** How long each file took when it was last run, in ms. */
export type Durations = Readonly<Record<string, number>>;

/** The files, longest first. A file of which no duration is known is placed by a guess. */
export function longestFirst(files: readonly string[], known: Durations): readonly string[] {
  const expected = new Map(files.map((file) => [file, known[file] ?? guessMs(readFileSync(file, "utf8"))]));
  return files.toSorted((a, b) => (expected.get(b) ?? 0) - (expected.get(a) ?? 0));
}

/** Of all that a file's text says, time-outs beyond the usual one and processes that it starts tell best how long it takes. */
function guessMs(text: string): number {
  const stated = [...text.matchAll(/timeoutMs(?:: | = )([\d_]+)/g)].map(([, ms = ""]) =>
    Number(ms.replaceAll("_", "")),
  );
  const statedMs = stated.reduce((sum, ms) => sum + ms, 0);
  return statedMs / 10 + (text.includes("startProcess(") ? 10_000 : 0) + text.length / 10;
}

/** Durations that earlier runs have recorded; none where there is no such file, or an unreadable one. */
export function readDurations(path: string): Durations {
  try {
    const recorded: unknown = JSON.parse(readFileSync(path, "utf8"));
    const entries = Object.entries(recorded ?? {});
    return Object.fromEntries(entries.filter(([, ms]) => Number.isFinite(ms))) as Durations;
  } catch {
    return {};
  }
}

/** Adds the results of a run to the durations of earlier ones. Runs at the same time may lose each other's, and never leave half a file. */
export function recordDurations(
  path: string,
  results: readonly { readonly file: string; readonly durationMs: number }[],
): void {
  const measured = Object.fromEntries(results.map(({ file, durationMs }) => [file, durationMs]));
  const unfinished = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(unfinished, JSON.stringify({ ...readDurations(path), ...measured }, undefined, 2));
  renameSync(unfinished, path);
}
