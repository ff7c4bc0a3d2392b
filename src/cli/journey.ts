/** `throughline journey`: prints the story of one order or event. */

import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { renderJourney } from "../inspect/journey/journey-text.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { openFor, parsePosition } from "./common.ts";
import { print, terminalWidth } from "./output.ts";
import { surroundings } from "./surroundings.ts";

interface JourneyCommandOptions {
  readonly from?: string;
  readonly limit?: number;
  readonly json?: true;
}

export function defineJourney(journey: Command): void {
  journey
    .argument(
      "<query>",
      "an event id, <channel>/<entry id>, an attribute such as payment.id=p-17, or a field such as payload.account=acme",
    )
    .option(
      "--from <position>",
      "look for matches from an entry id, a time, or -5m ago on (faster on a long log)",
      parsePosition,
    )
    .option("-n, --limit <count>", "how many matching events to follow (default 10)", wholeNumber)
    .action(async (query: string, _options: object, command: Command) => {
      const { from, limit, json } = command.optsWithGlobals<JourneyCommandOptions>();
      await using observer = openFor(command, openObserver);
      const journey = await observer.journey(query, {
        ...(from === undefined ? {} : { from }),
        ...(limit === undefined ? {} : { maxMatches: limit }),
      });
      await print(json === true ? JSON.stringify(journey, undefined, 2) : renderJourney(journey, terminalWidth()));
      if (journey.events === 0) surroundings().exitCode = 1;
    });
}
