/** Options of the four commands of `throughline dead`: they select the letters. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { Operator } from "../composition/operator.ts";
import type { DeadLetters } from "../inspect/dead-letters/dead-letters.ts";
import type { DeadLetterFilter } from "../inspect/dead-letters/filter.ts";
import { namesAttribute } from "../inspect/journey/query.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { parsePosition } from "./common.ts";

/** The values of the options that all four commands have. */
export interface DeadOptions {
  readonly channel?: string;
  readonly component?: string;
  readonly code?: string;
  readonly where?: string;
  readonly from?: string;
  readonly to?: string;
  readonly partition?: number;
  readonly limit?: number;
  readonly json?: true;
}

export const noneFound = "There are no such dead letters.";

export function numberText(count: number): string {
  return count === 1 ? "1 dead letter" : `${count} dead letters`;
}

export function lettersOf(operator: Operator, { channel, component }: DeadOptions): DeadLetters {
  return operator.deadLetters({
    ...(channel === undefined ? {} : { channel }),
    ...(component === undefined ? {} : { component }),
  });
}

export function filterOf(ids: readonly string[], options: DeadOptions): DeadLetterFilter {
  const { code, where, from, to, partition, limit } = options;
  return {
    ...(ids.length === 0 ? {} : { ids }),
    ...(code === undefined ? {} : { code }),
    ...(where === undefined ? {} : { where }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(partition === undefined ? {} : { partition }),
    ...(limit === undefined ? {} : { limit }),
  };
}

export function withFilters(command: Command, ids: "[ids...]" | "<ids...>" = "[ids...]"): Command {
  return command
    .argument(ids, "ids of dead letters or of events, or <channel>/<entry id> of the entries that died")
    .option("--channel <name>", "of this channel")
    .option("--component <name>", "of this component")
    .option("--code <code>", "with this error code, such as THROUGHLINE_PAYLOAD or ECONNREFUSED")
    .addOption(
      new Option(
        "--where <name=value>",
        "whose event has this attribute, such as payment.id=p-17 or payload.account=acme",
      ).argParser(parseAttribute),
    )
    .option(
      "--from <position>",
      "that died at or after an id, a time such as 2026-11-23T09:30Z, or -5m ago",
      parsePosition,
    )
    .option("--to <position>", "that died at or before", parsePosition)
    .option("--partition <number>", "of this partition", wholeNumber)
    .option("-n, --limit <count>", "only the first so many", wholeNumber);
}

export function parseAttribute(text: string): string {
  if (namesAttribute(text)) return text;
  throw new InvalidArgumentError("It must be name=value, or payload.path=value.");
}
