/** `throughline check`: holds a deployment's channels against the log, before the deploy. */

import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { checkLog, renderCheck } from "../inspect/entries/log-check.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { channelsOfModule } from "./channels-of-module.ts";
import { type CommonOptions, openFor, parsePosition } from "./common.ts";
import { print, say } from "./output.ts";
import type { LoadExtension } from "./plug-in.ts";
import { surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

interface CheckOptions extends CommonOptions {
  readonly from?: string;
  readonly ids: number;
}

export function defineCheck(check: Command, extension: LoadExtension): void {
  check
    .argument("[module]", "a module that exports the channels as the new code defines them, by itself or in lists")
    .option(
      "--from <position>",
      "only entries from an entry id, a time such as 2026-11-23T09:30Z, or -5m (s, m, h, d) ago on",
      parsePosition,
    )
    .option(
      "--ids <count>",
      "how many entries that would not pass are named, of each channel and version",
      wholeNumber,
      20,
    )
    .addHelpText("after", "\nReads only. Exit code 1 where any entry would not pass.")
    .action(async (module: string | undefined, _options: object, command: Command) => {
      const { from, ids, json } = command.optsWithGlobals<CheckOptions>();
      const channels = module === undefined ? ((await extension()).channels ?? []) : await channelsOfModule(module);
      if (channels.length === 0) {
        throw new UsageError(
          module === undefined ? "which channels? Name a module that exports them" : `${module} exports no channels`,
        );
      }
      const signal = surroundings().stopSignal();
      await using observer = openFor(command, openObserver);
      const range = { signal, ...(from === undefined ? {} : { from }) };
      const result = await checkLog((channel, given) => observer.read(channel, given), channels, range, ids);
      if (signal.aborted) {
        say("Interrupted: the rest was not looked at.");
        surroundings().exitCode = 1;
        return;
      }
      // A misspelled namespace must not pass for one without a fault.
      if (result.entries === 0) await observer.status();
      await print(json === true ? JSON.stringify(result, undefined, 2) : renderCheck(result));
      if (result.refused > 0) surroundings().exitCode = 1;
    });
}
