/** Runs of random publishes, reads, settlements, failures, crashes, claims, pauses, trims and redrives: the results match the model. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { type Passage, runScenario } from "./run.ts";
import { anyScenario, describeScenario } from "./steps.ts";

/** MODEL_RUNS: how many. MODEL_SEED: which. MODEL_SEED with MODEL_PATH: exactly the one that a failure has printed. */
const runs = Number(process.env["MODEL_RUNS"] ?? 1_000);
const seed = Number(process.env["MODEL_SEED"] ?? Date.now() % 1_000_000_000);
const path = process.env["MODEL_PATH"];
/** Series of runs beside each other: a run waits most of its time. */
const series = path === undefined ? Math.min(10, runs) : 1;
/** A failing case is not shrunk any further after this time, ms. */
const maxShrinkMs = 120_000;

/** The options that all series have in common. */
interface Course {
  readonly passages: Passage[];
  /** Leftovers of crashed members in this process. */
  readonly endings: Promise<void>[];
  /** The series that has failed first, and when; the others then end. */
  failed: { readonly place: number; readonly at: number } | undefined;
}

async function runSeries(place: number, course: Course): Promise<void> {
  const ofSeries = seed + place;
  const property = fc.asyncProperty(anyScenario, async (scenario) => {
    const { failed } = course;
    if (path !== undefined && course.passages.length > 0) return; // the path's own siblings, which fast-check goes on with
    if (failed !== undefined && (failed.place !== place || performance.now() - failed.at > maxShrinkMs)) return;
    try {
      course.passages.push(await runScenario(scenario, redisUrl(), (ending) => void course.endings.push(ending)));
    } catch (error) {
      course.failed ??= { place, at: performance.now() };
      if (course.failed.place === place) throw error;
    }
  });
  const result = await fc.check(property, {
    seed: ofSeries,
    numRuns: path === undefined ? Math.ceil(runs / series) : 1,
    ...(path !== undefined && { path, endOnFailure: true }),
  });
  if (!result.failed) return;
  const [scenario] = result.counterexample ?? [];
  const reason =
    result.errorInstance instanceof Error ? (result.errorInstance.stack ?? "") : String(result.errorInstance);
  throw new Error(
    [
      `the model is broken after ${result.numRuns} runs and ${result.numShrinks} shrinks by`,
      scenario === undefined ? "nothing" : describeScenario(scenario),
      reason,
      `replay: MODEL_SEED=${result.seed} MODEL_PATH=${result.counterexamplePath} npm test -- model`,
    ].join("\n"),
  );
}

test(
  `holds for ${path === undefined ? `${runs} runs` : `run ${path}`} of seed ${seed}`,
  async () => {
    const course: Course = { passages: [], endings: [], failed: undefined };
    const ended = await Promise.allSettled(Array.from({ length: series }, (_, place) => runSeries(place, course)));
    await Promise.all(course.endings);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
    const { passages } = course;
    const sum = (what: keyof Passage): number => passages.reduce((total, passage) => total + passage[what], 0);
    const kinds = Object.keys(passages[0] ?? {}) as readonly (keyof Passage)[];
    console.log(`${passages.length} runs: ${kinds.map((kind) => `${kind} ${sum(kind)}`).join(", ")}`);
    // A model would also hold for runs in which nothing happens.
    if (passages.length >= 200) for (const kind of kinds) assert.ok(sum(kind) > 0, `no run had any ${kind}`);
  },
  { timeoutMs: 900_000 },
);
