/** The venue of a round: a process of its own with an empty journal, and what it has cost. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProvidedVenue, provideVenue } from "../../../trading/pipeline/venue-process.ts";

export interface BenchVenue extends ProvidedVenue {
  /** Processor time since it was started, µs; not a number where the system does not tell. */
  cpuMicros(): Promise<number>;
}

export async function openBenchVenue(latencyMs?: number): Promise<BenchVenue> {
  await using opening = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "throughline-bench-venue-"));
  opening.defer(() => rm(directory, { recursive: true, force: true }));
  const market = { seed: "bench", rejectRate: 0, ...(latencyMs !== undefined && { latencyMs }) };
  const venue = opening.use(await provideVenue({ directory, fresh: true, ...market }));
  const opened = opening.move();
  return {
    ...venue,
    cpuMicros: async () => {
      const stat = await readFile(`/proc/${venue.pid}/stat`, "utf8").catch(() => "");
      // User and system time in hundredths of a second, behind the name in brackets.
      const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
      return (Number(user) + Number(system)) * 10_000;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
