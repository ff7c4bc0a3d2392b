/**
 * `throughline replays`: lists the runs of a namespace. `cancel` ends a run; `work` performs those that were left to
 * the background.
 */

import type { Command } from "commander";
import { openReplays } from "../composition/replays.ts";
import { ReplayError } from "../model/errors.ts";
import { escaped } from "../model/safe-text.ts";
import type { Run } from "../ports/replay-runs.ts";
import type { Replays } from "../replay/republish/namespace-replays.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { startCommandTelemetry } from "./command-telemetry.ts";
import { type CommonOptions, openFor } from "./common.ts";
import { print, printNow, say } from "./output.ts";
import { reportText, runText } from "./replay-render.ts";
import { requireRedis } from "./require-redis.ts";
import { surroundings } from "./surroundings.ts";

const defaultLimit = 20;

interface ListOptions extends CommonOptions {
  readonly limit?: number;
}

export function defineReplays(replays: Command): void {
  replays
    .argument("[run]", "only this one")
    .option("-n, --limit <count>", `the latest so many (default ${defaultLimit})`, wholeNumber)
    .action(async (run: string | undefined, _options: object, command: Command) => {
      const { limit = defaultLimit, json } = command.optsWithGlobals<ListOptions>();
      await requireRedis(command);
      await using all = openFor(command, openReplays);
      const runs = run === undefined ? await all.list(limit) : [await known(all, run)];
      for (const one of runs) await print(json === true ? JSON.stringify(one) : runText(one));
      if (runs.length > 0) return;
      say("There are no replays of this namespace.");
      surroundings().exitCode = 1;
    });
  replays
    .command("cancel")
    .description("ends a run within seconds, or keeps it from beginning; what it has republished stays")
    .argument("<run>", "its id")
    .action(async (run: string, _options: object, command: Command) => {
      await requireRedis(command);
      await using all = openFor(command, openReplays);
      const isCancelled = await all.cancel(run);
      await print(isCancelled ? `Run ${run} is cancelled.` : `Run ${run} has ended.`);
      if (!isCancelled) surroundings().exitCode = 1;
    });
  replays
    .command("work")
    .description("takes queued runs, one after the other, until Ctrl-C; the one that it is at then goes back")
    .action(async (_options: object, command: Command) => {
      const signal = surroundings().stopSignal();
      await using _telemetry = await startCommandTelemetry("throughline-replay");
      await requireRedis(command);
      await using all = openFor(command, openReplays);
      say("Waiting for runs.");
      await all.work(signal, (run, report) => {
        const text = report instanceof Error ? escaped(report.message) : reportText(report);
        printNow(`Run ${run}: ${text}`);
      });
    });
}

async function known(replays: Replays, run: string): Promise<Run> {
  const found = await replays.find(run);
  if (found === undefined) throw new ReplayError(`there is no run ${run}: \`throughline replays\` lists them`);
  return found;
}
