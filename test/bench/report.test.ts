/** The benchmark's output: the table, the chart, the record, and the tables in a document. */

import * as assert from "uvu/assert";
import { chart } from "../../bench/report/chart.ts";
import { begins, ends, withTables } from "../../bench/report/markdown.ts";
import { added } from "../../bench/report/record.ts";
import { resultText } from "../../bench/report/table.ts";
import { test } from "../support/test.ts";
import { machine, recordOf, resultOf } from "./result.ts";

test("the table says rates, spread, ratios, and which aims are met", () => {
  const text = resultText(resultOf());
  assert.match(text, /Throughline, no SDK\s*│\s*132\.00\s*│\s*−55 … \+52 %\s*│\s*1\.20/);
  assert.match(text, "missed: Throughline, no SDK ÷ bare ioredis: 1.20, aim ≥ 1.3");
  assert.match(text, "missed: Throughline, no SDK, clientMicros: 4.00, aim ≤ 3");
  assert.match(text, "skipped: redis-benchmark: it is not there");
});

test("a bar of the chart is as long as its share of the longest", () => {
  const svg = chart(recordOf(resultOf(), resultOf({ name: "other", title: "Not shown", inChart: false })));
  const lengths = [...svg.matchAll(/width="([\d.]+)" height="18"/g)].map(([, length]) => Number(length));
  assert.is(lengths.length, 2);
  assert.ok(Math.abs((lengths[0] ?? 0) / (lengths[1] ?? 1) - 100 / 132) < 0.01, lengths.join(", "));
  assert.match(svg, "Abacus &#60;9&#62;, 2 cores");
  assert.match(svg, "server redis-server 7.0.15");
  assert.not.match(svg, "Not shown");
});

test("a document gets the tables between its marks, and nothing else of it changes", () => {
  const document = `# Speed\n\nBefore.\n\n${begins}\n\nold figures\n\n${ends}\n\nAfter.\n`;
  const once = withTables(document, recordOf(resultOf()));
  assert.match(once, /^# Speed\n\nBefore\.\n\n<!-- bench -->\n/);
  assert.match(once, /\n<!-- \/bench -->\n\nAfter\.\n$/);
  assert.not.match(once, "old figures");
  assert.match(once, "### Publish in bulk");
  assert.match(once, "| Throughline, no SDK |   132.00 |");
  assert.is(withTables(once, recordOf(resultOf())), once);
});

test("a document without the marks is refused", () => {
  assert.throws(() => withTables("# Speed\n", recordOf()), /no <!-- bench -->/);
});

test("a trial with a part of the events says so wherever its figures stand", () => {
  const trial = { ...resultOf(), scale: 0.1 };
  assert.match(resultText(trial), "trial");
  assert.match(withTables(`${begins}${ends}`, recordOf(trial)), "trial");
  assert.match(chart(recordOf(trial)), "trial");
  assert.not.match(chart(recordOf(resultOf())), "trial");
});

test("a run of some scenarios replaces their figures and keeps the others of the same machine", () => {
  const names = ["consume", "publish", "transform"];
  const [publish, consume] = [resultOf(), resultOf({ name: "consume" })];
  const again = { ...resultOf(), rounds: 9 };
  const both = added(recordOf(publish, consume), recordOf(again), names);
  assert.equal(both.results, [consume, again]);
  const elsewhere = { machine: { ...machine, cores: 64 }, results: [consume] };
  assert.equal(added(elsewhere, recordOf(again), names).results, [again]);
  const gone = { machine, results: [resultOf({ name: "gone" })] };
  assert.equal(added(gone, recordOf(again), names).results, [again]);
});
