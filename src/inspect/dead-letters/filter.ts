/** The filter of dead letters. */

import { ConfigError } from "../../model/errors.ts";
import { namesAttribute, parseQuery } from "../journey/query.ts";
import { type DeadLetter, isKnownAs } from "./dead-letter.ts";

/** Conditions on a letter, all of which it must meet; an empty filter matches every letter. */
export interface DeadLetterFilter {
  /** Dead-letter ids, failed entries as `<channel>/<entry id>`, or event ids. */
  readonly ids?: readonly string[];
  /** The error's code, such as `THROUGHLINE_PAYLOAD` or `ECONNREFUSED`. */
  readonly code?: string;
  /** `name=value` of the event's baggage, or `payload.<path>=value`. */
  readonly where?: string;
  /** Earliest failure: a dead-letter id, or a time in epoch ms. */
  readonly from?: string;
  /** Latest failure: a dead-letter id, or a time in epoch ms. */
  readonly to?: string;
  readonly partition?: number;
  /** Most letters, the oldest first. */
  readonly limit?: number;
}

/** A checked filter with its defaults. */
export interface ResolvedFilter {
  readonly from: string;
  readonly to: string;
  readonly partition: number | undefined;
  readonly limit: number;
  readonly matches: (letter: DeadLetter) => boolean;
}

const knownOptions: ReadonlySet<string> = new Set(["ids", "code", "where", "from", "to", "partition", "limit"]);

/** Checks the filter. @throws {ConfigError} on an option that would select letters other than those meant */
export function resolveFilter(filter: DeadLetterFilter): ResolvedFilter {
  for (const option of Object.keys(filter)) {
    if (!knownOptions.has(option)) throw new ConfigError(`a filter of dead letters has no option "${option}"`);
  }
  const { ids, code, where, from = "-", to = "+", partition, limit = Number.POSITIVE_INFINITY } = filter;
  if (where !== undefined && !namesAttribute(where)) {
    throw new ConfigError(`"${where}" names no value: expected name=value, or payload.path=value`);
  }
  for (const [option, position] of Object.entries({ from, to })) {
    if (!/^([-+]|\d+(-\d+)?)$/.test(position)) {
      throw new ConfigError(`${option} is "${position}"; it must be a dead letter's id, or a time in epoch ms`);
    }
  }
  const wanted = ids === undefined ? undefined : new Set(ids);
  const query = where === undefined ? undefined : parseQuery(where);
  return {
    from,
    to,
    partition,
    limit,
    matches: (letter) =>
      (code === undefined || letter.code === code) &&
      (wanted === undefined || isKnownAs(letter, wanted)) &&
      (query === undefined || query.matches(letter.entry)),
  };
}
