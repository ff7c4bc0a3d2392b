/** `throughline record`: writes channels of the log to a file. */

import { type Command, Option } from "commander";
import { openObserver } from "../composition/observer.ts";
import { escaped } from "../model/safe-text.ts";
import { type RecordOptions, record } from "../replay/recording/record.ts";
import { openFor, parsePosition } from "./common.ts";
import { openCountProgress } from "./count-progress.ts";
import { parseAttribute } from "./dead-filters.ts";
import { print, say } from "./output.ts";
import { maxLineBytesOption } from "./sources.ts";
import { surroundings } from "./surroundings.ts";

interface RecordCommandOptions {
  readonly output: string;
  readonly component?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly where?: readonly string[];
  readonly follow?: true;
  readonly continue?: true;
  readonly maxLineBytes?: number;
  readonly json?: true;
}

export function defineRecord(command: Command): void {
  command
    .argument("<channels...>", "the channels")
    .requiredOption("-o, --output <file>", "the recording; compressed where its name ends with .gz or .zst")
    .option("--component <names...>", "also the order in which these components settled the entries")
    .option(
      "--from <position>",
      "begin at an entry id, a time such as 2026-11-23T09:30Z, or -2h (s, m, h, d) ago",
      parsePosition,
    )
    .option("--to <position>", "end there; by default, and at the latest, with what is newest now", parsePosition)
    .addOption(
      new Option(
        "--where <name=value>",
        "only entries with this attribute, such as payment.id=p-17 or payload.account=acme; may be given again",
      ).argParser((text: string, before: readonly string[] = []) => [...before, parseAttribute(text)]),
    )
    .option("-f, --follow", "then go on with new entries until Ctrl-C, which completes the recording")
    .option("--continue", "go on with a recording that was interrupted")
    .option(...maxLineBytesOption)
    .action(async (channels: string[], _options: object, self: Command) => {
      const { output, component, continue: isContinued, json, ...rest } = self.optsWithGlobals<RecordCommandOptions>();
      const { from, to, where, follow, maxLineBytes } = rest;
      const signal = surroundings().stopSignal();
      await using observer = openFor(self, openObserver);
      const progress = openCountProgress(surroundings().stderr, "entries");
      const options: RecordOptions = {
        signal,
        onProgress: ({ entries, at, fromMs, toMs }) =>
          progress.show(entries, toMs === undefined ? undefined : (at - fromMs) / Math.max(1, toMs - fromMs)),
        ...(component === undefined ? {} : { components: component }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(where === undefined ? {} : { where }),
        ...(follow === undefined ? {} : { follow }),
        ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
        ...(isContinued === undefined ? {} : { continue: isContinued }),
      };
      const report = await record(observer, channels, output, options).finally(() => progress[Symbol.dispose]());
      for (const { channel, partition, afterId } of report.gaps) {
        const text = `Entry ${afterId} of channel "${channel}", partition ${partition}, is gone: what came after it may have been trimmed unseen.`;
        say(text);
      }
      if (json === true) await print(JSON.stringify(report));
      else await print(textOf(report));
      if (report.entries === 0 && follow !== true) say("There are no such entries.");
      if (!report.isComplete || (report.entries === 0 && follow !== true)) surroundings().exitCode = 1;
    });
}

function textOf({ path: written, entries, settlements, isComplete }: Awaited<ReturnType<typeof record>>): string {
  const path = escaped(written);
  const settled = settlements === 0 ? "" : ` and ${settlements.toLocaleString("en-US")} settlements`;
  const counts = `${entries.toLocaleString("en-US")} entries${settled}`;
  if (isComplete) return `${path}: ${counts}.`;
  return `${path}: ${counts}, interrupted. The same command with --continue goes on.`;
}
