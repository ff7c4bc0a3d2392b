/** Replays flat out, from a recording and from the log: the speed of republishing, beside that of publishing. */

import { openReplays } from "../../src/composition/replays.ts";
import type { Contender, Round, Sample } from "../contender.ts";
import { orders } from "../order.ts";
import { contender as files, inDirectory, writeRecording } from "./files.ts";

const namespace = "bench";

async function replayed(
  { url, count, meter }: Round,
  source: { recording?: string; channels?: string[] },
): Promise<Sample> {
  await using replays = openReplays({ url, namespace });
  await meter.ready();
  meter.begin();
  const opened = await replays.open(source);
  const report = await replays.start(opened, await replays.prepare(opened, { speed: "max" }));
  const sample = await meter.end(count);
  if (report.entries !== count) throw new Error(`${report.entries} of ${count} entries were republished`);
  return { ...sample, republishedPerSecond: (count * 1_000) / report.durationMs };
}

/**
 * Replays from a recording. The check of the whole file beforehand counts in `perSecond`, and does not in
 * `republishedPerSecond`.
 */
export const recordingContender: Contender = {
  works: {
    publish: (round) =>
      inDirectory(async (path) => {
        await writeRecording(path, round.count);
        return await replayed(round, { recording: path });
      }),
  },
};

export const logContender: Contender = {
  ...(files.backlog === undefined ? {} : { backlog: files.backlog }),
  works: { publish: (round) => replayed(round, { channels: [orders.name] }) },
};
