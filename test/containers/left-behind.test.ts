/** Nothing of a test stays in the engine, also when its process is killed. */

import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { containerTest } from "./container-test.ts";
import { docker, labelOf, removeAll, sweep } from "./engine.ts";
import { makeNetwork, makeVolume } from "./server.ts";

containerTest(
  "containers of a killed run are removed by the next one, and those of a living run are not",
  async (owner) => {
    await using killed = startProcess("test/containers/fixtures/leaves.ts", [], {
      env: { THROUGHLINE_TEST_RUNNER_PID: undefined },
    });
    const name = (await killed.line("made ")).split(" ")[1] ?? "";
    await using network = await makeNetwork(owner); // of this run
    killed.kill("SIGKILL");
    await killed.ended;
    const count = async (...list: string[]): Promise<number> =>
      (await docker(...list, "--quiet", "--filter", `name=${name}`)).split("\n").filter((id) => id !== "").length;
    assert.equal([await count("ps", "--all"), await count("network", "ls"), await count("volume", "ls")], [1, 1, 1]);
    await sweep();
    assert.equal([await count("ps", "--all"), await count("network", "ls"), await count("volume", "ls")], [0, 0, 0]);
    assert.is.not(await docker("network", "ls", "--quiet", "--filter", `name=${network.name}`), "");
  },
);

containerTest("containers that a test leaves are found by their label, and removed", async (owner) => {
  const { name } = await makeVolume(owner);
  assert.equal(await removeAll(labelOf(owner)), [`volume ${name}`]);
  await eventually(async () => (await docker("volume", "ls", "--quiet", "--filter", `name=${name}`)) === "");
});
