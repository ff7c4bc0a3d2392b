/** `throughline tail`: prints the newest entries of a channel, and follows it. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { type Observer, openObserver } from "../composition/observer.ts";
import { entryJson } from "../inspect/entries/entry-json.ts";
import { renderEntry } from "../inspect/entries/entry-line.ts";
import type { LogEntry, ReadRange } from "../inspect/entries/log-reader.ts";
import { parseQuery } from "../inspect/journey/query.ts";
import { isName } from "../model/names.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { openFor, parsePosition } from "./common.ts";
import { parseAttribute } from "./dead-filters.ts";
import { print, say, terminalWidth } from "./output.ts";
import { surroundings } from "./surroundings.ts";

const defaultLimit = 20;

interface TailOptions {
  readonly follow?: true;
  readonly from?: string;
  readonly limit?: number;
  readonly where?: readonly string[];
  readonly json?: true;
}

export function defineTail(tail: Command): void {
  tail
    .argument("<channel>", "a channel, or <channel>:dead:<component> for dead letters", parseChannel)
    .option("-f, --follow", "then go on with new entries until Ctrl-C")
    .option(
      "--from <position>",
      "begin at an entry id, a time such as 2026-11-23T09:30Z, or -5m (s, m, h, d) ago",
      parsePosition,
    )
    .option(
      "-n, --limit <count>",
      `without --from, how many of the last entries to begin with (default ${defaultLimit}); with it, end after so many`,
      wholeNumber,
    )
    .addOption(
      new Option(
        "--where <name=value>",
        "only entries with this attribute, such as payment.id=p-17 or payload.account=acme; may be given again",
      ).argParser((text: string, before: readonly string[] = []) => [...before, parseAttribute(text)]),
    )
    .action(async (channel: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>();
      const signal = surroundings().stopSignal();
      await using observer = openFor(command, openObserver);
      const width = terminalWidth();
      const matches = matcherOf(options.where ?? []);
      const range = await rangeOf(observer, channel, options, matches);
      // Counted here: the reader cannot know which entries are wanted.
      const limit = options.from === undefined ? undefined : options.limit;
      let count = 0;
      for await (const entry of limit === 0 ? [] : observer.read(channel, { ...range, signal })) {
        if (!matches(entry)) continue;
        count++;
        await print(options.json === true ? JSON.stringify(entryJson(entry)) : renderEntry(entry, width));
        if (count === limit) break;
      }
      if (count > 0 || signal.aborted) return;
      // Standard error: a misspelled channel is noticed, and a script's output stays empty.
      say(`There are no such entries in channel "${channel}".`);
      surroundings().exitCode = 1;
    });
}

function matcherOf(where: readonly string[]): (entry: LogEntry) => boolean {
  const queries = where.map(parseQuery);
  return (entry) => queries.every((query) => query.matches(entry));
}

async function rangeOf(
  observer: Observer,
  channel: string,
  options: TailOptions,
  matches: (entry: LogEntry) => boolean,
): Promise<ReadRange> {
  const follow = options.follow === true;
  if (options.from !== undefined) return { from: options.from, follow };
  // Looked up first and read forward from there, so that no number of entries has to be held.
  const limit = options.limit ?? defaultLimit;
  let from: string | undefined;
  if (limit > 0) {
    let count = 0;
    // All entries are wanted where nothing is asked for: then no more of them are read.
    const most = options.where === undefined ? { limit } : {};
    for await (const entry of observer.read(channel, { reverse: true, ...most })) {
      if (!matches(entry)) continue;
      from = entry.entryId;
      if (++count === limit) break;
    }
  } else {
    for await (const { entryId } of observer.read(channel, { reverse: true, limit: 1 })) from = `(${entryId}`;
  }
  return { ...(from === undefined ? {} : { from }), follow };
}

function parseChannel(name: string): string {
  if (isName(name.replace(/:dead:[^:]+$/, ""))) return name;
  throw new InvalidArgumentError("It must be the name of a channel, or <channel>:dead:<component>.");
}
