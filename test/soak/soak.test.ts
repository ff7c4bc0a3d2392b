/** A short soak is clean, can be ended early, and repeats its faults by its seed. */

import * as assert from "uvu/assert";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";
import { describeFault, planClusterFaults, planFaults } from "./schedule.ts";

const main = "test/soak/main.ts";
const timeoutMs = 240_000;

function faultsIn({ lines }: StartedProcess): readonly string[] {
  return lines.flatMap((line) => /^ *\d+\.\d s {2}(?!…|the last fault)(.*)$/.exec(line)?.[1] ?? []);
}

test(
  "is clean after half a minute of faults",
  async () => {
    // Within it members and Redis are killed, and connections lost.
    await using run = startProcess(main, ["--minutes", "0.4", "--seed", "7"]);
    const { code } = await run.ended;
    const said = run.lines.join("\n");
    assert.is(code, 0, said);
    assert.match(said, /^CLEAN: /m);
    assert.match(said, /^replay: npm run soak -- --minutes 0.4 --seed 7 --rate 40$/m);
    assert.equal(
      faultsIn(run),
      planFaults("7", 24_000).map(({ fault }) => describeFault(fault)),
    );
    assert.ok(faultsIn(run).some((fault) => fault.startsWith("kill -9 Redis")));
    assert.ok(faultsIn(run).some((fault) => fault.startsWith("kill -9 order-manager")));
    const placed = Number(/^Orders: ([\d,]+) placed/m.exec(said)?.[1]?.replaceAll(",", ""));
    assert.ok(placed > 100, said);
  },
  { timeoutMs },
);

test(
  "checks what there is when it is ended early by a terminal, which tells all that it has started as well",
  async () => {
    await using run = startProcess(main, ["--minutes", "60", "--seed", "7"], { ownGroup: true });
    await run.line(/^ *\d+\.\d s {2}kill -9/, 60_000);
    process.kill(-run.pid, "SIGINT");
    await run.line("Ending early");
    assert.is((await run.ended).code, 0, run.lines.join("\n"));
    assert.match(run.lines.join("\n"), /^CLEAN: /m);
  },
  { timeoutMs },
);

test(
  "refuses options that cannot work with 2",
  async () => {
    for (const args of [
      ["--minutes", "0"],
      ["--minutes", "x"],
      ["--seed", "a b"],
      ["--rate", "0"],
      ["surplus"],
      ["--appendfsync", "no"],
      ["--slow-fsync"],
      ["--confirmed"],
      ["--stale-replicas"],
      ["--cluster", "--confirmed", "--stale-replicas"],
      ["--cluster", "--appendfsync", "everysec", "--slow-fsync"],
    ]) {
      await using run = startProcess(main, args);
      assert.equal(await run.ended, { code: 2, signal: null }, args.join(" "));
      assert.match(run.stderr(), /^error: /);
    }
  },
  { timeoutMs },
);

test("plans the same faults for the same seed, others for another, and begins a longer soak as a shorter one", () => {
  const plan = planFaults("1", 600_000);
  assert.equal(planFaults("1", 600_000), plan);
  assert.equal(planFaults("1", 60_000), plan.slice(0, planFaults("1", 60_000).length));
  assert.ok(JSON.stringify(planFaults("2", 600_000)) !== JSON.stringify(plan));
  const ofCluster = planClusterFaults("1", 600_000);
  assert.equal(ofCluster.slice(0, planClusterFaults("1", 60_000).length), planClusterFaults("1", 60_000));
  const ofNodes = ofCluster.filter(({ fault }) => "partition" in fault);
  assert.is(ofNodes.length, 30);
  assert.is(new Set(ofNodes.map(({ fault }) => fault.kind)).size, 3);
  const kinds = new Set(plan.map(({ fault }) => fault.kind));
  assert.is(kinds.size, 16, [...kinds].join(", "));
  assert.ok(plan.every(({ atMs }, i) => atMs >= (plan[i - 1]?.atMs ?? 0) && atMs <= 600_000));
});
