/** The benchmark itself, with a handful of events: contenders, processes, spans to the receiver, and files. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BenchRecord } from "../../bench/report/record.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

test(
  "a scenario is run by all who take part, and its figures are printed and written",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "throughline-bench-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(directory, { recursive: true }));
    const [json, svg] = [join(directory, "bench.json"), join(directory, "bench.svg")];
    const options = ["--quick", "--scale", "0.002", "--only", "batch", "--json", json, "--svg", svg];
    const run = stack.use(startProcess("bench/main.ts", options));
    const end = await run.ended;
    assert.equal(end, { code: 0, signal: null }, run.stderr());
    assert.match(run.stdout(), "Batch handler");

    const { machine, results } = JSON.parse(await readFile(json, "utf8")) as BenchRecord;
    assert.ok(machine.cores > 0);
    assert.match(machine.versions["node-redis"] ?? "", /^\d+\.\d+\.\d+/);
    const [result] = results;
    assert.equal([results.length, result?.rounds, result?.scale], [1, 3, 0.002]);
    const medians = new Map(result?.standings.map((standing) => [standing.entrant, standing.medians]));
    assert.equal([...medians.keys()], ["ioredis", "ioredis-cursor", "throughline", "throughline-1", "throughline-100"]);
    for (const figures of medians.values()) {
      assert.ok((figures["perSecond"] ?? 0) > 0 && (figures["clientMicros"] ?? 0) > 0, JSON.stringify(figures));
    }
    assert.is(medians.get("throughline")?.["spansReceived"], undefined);
    assert.ok((medians.get("throughline-100")?.["spansReceived"] ?? 0) > 0, "no span of the batches has arrived");
    assert.match(await readFile(svg, "utf8"), /^<svg /);
  },
  { timeoutMs: 180_000 },
);
