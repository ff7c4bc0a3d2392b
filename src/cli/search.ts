/** `throughline search`: prints events that match, the newest first. */

import { type Command, Option } from "commander";
import { openObserver } from "../composition/observer.ts";
import { entryJson } from "../inspect/entries/entry-json.ts";
import { renderEntry } from "../inspect/entries/entry-line.ts";
import { shown } from "../model/safe-text.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { openFor, parsePosition } from "./common.ts";
import { print, say, terminalWidth } from "./output.ts";
import { surroundings } from "./surroundings.ts";

const defaultLimit = 20;

interface SearchOptions {
  readonly channel?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
  readonly json?: true;
}

export function defineSearch(search: Command): void {
  search
    .argument(
      "<query>",
      "an event id, a trace id, <channel>/<entry id>, an attribute such as payment.id=p-17, or a field such as payload.account=acme",
    )
    .addOption(
      new Option("--channel <name>", "only in this channel; may be given again").argParser(
        (name: string, before: readonly string[] = []) => [...before, name],
      ),
    )
    .option("--from <position>", "not before an entry id, a time, or -5m ago", parsePosition)
    .option("--to <position>", "not after one", parsePosition)
    .option("-n, --limit <count>", `end after so many (default ${defaultLimit})`, wholeNumber)
    .action(async (query: string, _options: object, command: Command) => {
      const { channel, from, to, limit = defaultLimit, json } = command.optsWithGlobals<SearchOptions>();
      await using observer = openFor(command, openObserver);
      const ms = (position: string): number => Number(position.split("-", 1)[0]);
      const width = terminalWidth();
      let count = 0;
      const found = observer.search(query, {
        limit,
        signal: surroundings().stopSignal(),
        ...(channel === undefined ? {} : { channels: channel }),
        ...(from === undefined ? {} : { fromMs: ms(from) }),
        ...(to === undefined ? {} : { toMs: ms(to) }),
      });
      for await (const entry of found) {
        count++;
        const line = `${shown(entry.channel, 80)}  ${renderEntry(entry, width)}`;
        await print(json === true ? JSON.stringify(entryJson(entry)) : line);
      }
      if (count > 0) return;
      say(`No event matches ${shown(query, 400)}.`);
      surroundings().exitCode = 1;
    });
}
