/** The alert rules over scrapes of real processes, evaluated by promtool. Only the time between the scrapes is made up. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { skip } from "../support/test.ts";
import type { Series } from "./exposition.ts";

export const rulesPath: string = resolve("ops/prometheus/rules.yml");

/** All that was scraped at one time, by process. A process that did not answer is undefined. */
export type Scrapes = Readonly<Record<string, readonly Series[] | undefined>>;

export function needPromtool(): void {
  if (spawnSync("promtool", ["--version"]).status !== 0) skip("promtool is not installed (Debian: prometheus)");
}

export function promtool(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8", timeout: 60_000 });
  return { status, output: `${stdout}${stderr}` };
}

/**
 * Exactly these alerts fire after each of the scrapes has stood for `minutes`, as Prometheus scrapes every minute.
 * @throws with what does, where others do
 */
export function assertFiring(scrapes: readonly Scrapes[], minutes: number, expected: readonly string[]): void {
  const directory = mkdtempSync(join(tmpdir(), "throughline-rules-"));
  try {
    const file = join(directory, "test.json"); // JSON is YAML
    const fire = {
      expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
      eval_time: `${scrapes.length * minutes - 1}m`,
      exp_samples: expected.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
    };
    const tests = [{ interval: "1m", input_series: inputOf(scrapes, minutes), promql_expr_test: [fire] }];
    writeFileSync(file, JSON.stringify({ rule_files: [rulesPath], evaluation_interval: "1m", tests }));
    const { status, output } = promtool("test", "rules", file);
    if (status !== 0) throw new Error(`not these alerts fire: ${expected.join(", ")}\n${output}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function inputOf(scrapes: readonly Scrapes[], minutes: number): readonly { series: string; values: string }[] {
  const values = new Map<string, (number | "stale" | "_")[]>();
  for (const [at, scrape] of scrapes.entries()) {
    const now = new Map<string, number>();
    for (const [instance, series] of Object.entries(scrape)) {
      const target = { job: "throughline", instance };
      now.set(nameOf("up", target), series === undefined ? 0 : 1);
      for (const { name, labels, value } of series ?? []) now.set(nameOf(name, { ...labels, ...target }), value);
    }
    for (const [name, value] of now) {
      const before = values.get(name) ?? new Array<"_">(at * minutes).fill("_");
      values.set(name, [...before, ...new Array<number>(minutes).fill(value)]);
    }
    // A series that a scrape does not have any more has ended.
    for (const [name, all] of values) {
      if (!now.has(name)) values.set(name, [...all, "stale", ...new Array<"_">(minutes - 1).fill("_")]);
    }
  }
  return [...values].map(([series, all]) => ({ series, values: all.map(textOf).join(" ") }));
}

function nameOf(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}{${Object.entries(labels)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(",")}}`;
}

function textOf(value: number | "stale" | "_"): string {
  if (typeof value === "string") return value;
  return Number.isFinite(value) ? String(value) : value > 0 ? "Inf" : "NaN";
}
