/** `throughline diff`. Exit codes are those of `diff`: 0 the same, 1 different, 2 the comparison failed. */

import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { ThroughlineError } from "../model/errors.ts";
import { ResourceStack } from "../model/resource-stack.ts";
import { serversGiven } from "../model/servers-given.ts";
import { diff } from "../replay/diff/diff.ts";
import type { Difference } from "../replay/diff/difference.ts";
import { renderDiff } from "../replay/diff/difference-text.ts";
import type { ReplaySource } from "../replay/source/source.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { type CommonOptions, stderrLog } from "./common.ts";
import { print } from "./output.ts";
import type { LoadExtension } from "./plug-in.ts";
import { channelsOf, isFile, maxLineBytesOption, namespaceSource, recordingSource } from "./sources.ts";
import { surroundings } from "./surroundings.ts";

interface DiffCommandOptions extends CommonOptions {
  readonly ignore?: readonly string[];
  readonly maxLineBytes?: number;
}

export const ignoreOption = [
  "--ignore <paths...>",
  "fields that may differ, such as payload.timestamp or payload.fills[].id",
] as const;

export function defineDiff(command: Command, extension: LoadExtension): void {
  command
    .argument("<recorded>", "a recording's file, or a namespace")
    .argument("<replayed>", "what is compared with it, likewise")
    .option(...ignoreOption)
    .option(...maxLineBytesOption)
    .action(async (recorded: string, replayed: string, _options: object, command: Command) => {
      const { ignore, json } = command.optsWithGlobals<DiffCommandOptions>();
      const signal = surroundings().stopSignal();
      try {
        await using opened = new ResourceStack();
        const sources = [await sourceOf(recorded, command, opened), await sourceOf(replayed, command, opened)] as const;
        const difference = await diff(...sources, {
          channels: (await extension()).channels ?? [],
          signal,
          ...(ignore === undefined ? {} : { ignore }),
        });
        await printDiff(difference, json === true);
      } catch (error) {
        if (error instanceof ThroughlineError) command.error(error.message, { exitCode: usageExitCode });
        if (error !== signal.reason) throw error;
        command.error("Interrupted: it cannot be told.", { exitCode: usageExitCode });
      }
    });
}

/** Prints the difference, and sets the exit code by it. */
export async function printDiff(difference: Difference, json: boolean): Promise<void> {
  await print(json ? JSON.stringify(difference, undefined, 2) : renderDiff(difference));
  if (!difference.isSame) surroundings().exitCode = 1;
}

async function sourceOf(text: string, command: Command, opened: ResourceStack): Promise<ReplaySource> {
  const { maxLineBytes, ...given } = command.optsWithGlobals<DiffCommandOptions>();
  if (isFile(text)) return recordingSource(text, { maxLineBytes });
  const observer = opened.use(
    openObserver({ ...serversGiven(given), tls: tlsFromEnv(surroundings().env), namespace: text, log: stderrLog }),
  );
  return namespaceSource(observer, await channelsOf(observer));
}
