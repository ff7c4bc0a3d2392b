/** `throughline replays`: lists the runs of a namespace; `cancel` ends one, `work` takes the ones that were left to the background. */

import type { Command } from "commander";
import { ConfigError, ReplayError } from "../errors.ts";
import type { Run } from "../replay/runs.ts";
import type { Replays } from "../replays.ts";
import { startTelemetry } from "../telemetry/index.ts";
import { tlsFromEnv } from "../tls.ts";
import { type CommonOptions, parseWhole, stderrLog, stopSignal, usageExitCode } from "./common.ts";
import { print } from "./output.ts";
import { reportText, runText } from "./replay-render.ts";

const defaultLimit = 20;

interface ListOptions extends CommonOptions {
  readonly limit?: number;
}

export function addReplays(program: Command): void {
  const replays = program
    .command("replays")
    .description("runs that replay the namespace: how far they are; cancel one, or work on the queued ones")
    .argument("[run]", "only this one")
    .option("-n, --limit <count>", `the latest so many (default ${defaultLimit})`, parseWhole)
    .action(async (run: string | undefined, _options: object, command: Command) => {
      const { limit = defaultLimit, json } = command.optsWithGlobals<ListOptions>();
      await using all = await openFor(command);
      const runs = run === undefined ? await all.list(limit) : [await known(all, run)];
      for (const one of runs) await print(json === true ? JSON.stringify(one) : runText(one));
      if (runs.length > 0) return;
      process.stderr.write("There are no replays of this namespace.\n");
      process.exitCode = 1;
    });
  replays
    .command("cancel")
    .description("ends a run within seconds, or keeps it from beginning; what it has republished stays")
    .argument("<run>", "its id")
    .action(async (run: string, _options: object, command: Command) => {
      await using all = await openFor(command);
      const isCancelled = await all.cancel(run);
      await print(isCancelled ? `Run ${run} is cancelled.` : `Run ${run} has ended.`);
      if (!isCancelled) process.exitCode = 1;
    });
  replays
    .command("work")
    .description("takes queued runs, one after the other, until Ctrl-C; the one that it is at then goes back")
    .action(async (_options: object, command: Command) => {
      const signal = stopSignal();
      await using _telemetry = await startTelemetry({ serviceName: "throughline-replay" });
      await using all = await openFor(command);
      process.stderr.write("Waiting for runs.\n");
      await all.work(signal, (run, report) => {
        const text = report instanceof Error ? report.message : reportText(report);
        process.stdout.write(`Run ${run}: ${text}\n`);
      });
    });
}

async function known(replays: Replays, run: string): Promise<Run> {
  const found = await replays.find(run);
  if (found === undefined) throw new ReplayError(`there is no run ${run}: \`throughline replays\` lists them`);
  return found;
}

/** Loaded only here: with BullMQ it takes longer than most commands do. */
async function openFor(command: Command): Promise<Replays> {
  const { openReplays } = await import("../replays.ts");
  const { url, namespace } = command.optsWithGlobals<CommonOptions>();
  try {
    return openReplays({ url, tls: tlsFromEnv(process.env), namespace, log: stderrLog });
  } catch (error) {
    if (error instanceof ConfigError) command.error(`error: ${error.message}`, { exitCode: usageExitCode });
    throw error;
  }
}
