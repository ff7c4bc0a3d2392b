/** `throughline journey`: prints the story of one order or event. */

import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { storySettlements } from "../composition/story-settlements.ts";
import { renderJourney } from "../inspect/journey/journey-text.ts";
import type { StepSettlement } from "../inspect/journey/step-settlement.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { openFor, parsePosition } from "./common.ts";
import { print, terminalWidth } from "./output.ts";
import { surroundings } from "./surroundings.ts";

interface JourneyCommandOptions {
  readonly from?: string;
  readonly limit?: number;
  readonly json?: true;
  readonly settlements?: true;
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
    .option(
      "--settlements",
      "tell when and by which member each event was settled, after which failed attempts and takeovers, as far as the settlement logs do",
    )
    .action(async (query: string, _options: object, command: Command) => {
      const { from, limit, json, settlements: isWanted } = command.optsWithGlobals<JourneyCommandOptions>();
      await using observer = openFor(command, openObserver);
      const journey = await observer.journey(query, {
        ...(from === undefined ? {} : { from }),
        ...(limit === undefined ? {} : { maxMatches: limit }),
      });
      const settlements: Readonly<Record<string, StepSettlement>> =
        isWanted === true ? await storySettlements(observer, journey) : {};
      const told = isWanted === true ? { ...journey, settlements } : journey;
      await print(
        json === true ? JSON.stringify(told, undefined, 2) : renderJourney(journey, terminalWidth(), settlements),
      );
      if (journey.events === 0) surroundings().exitCode = 1;
    });
}
