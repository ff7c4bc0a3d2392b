/** Decides which keys can travel as baggage at all, whatever a channel or a backbone names. */

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/**
 * Names that spans use for facts of their own, so that no baggage may overwrite them. `__proto__` is no property of an
 * object that one could set.
 */
const reservedPrefix = String.raw`messaging\.|throughline\.`;
const reservedName = String.raw`server\.address|server\.port|error\.type|__proto__`;
const reservedKey = new RegExp(`^(?:${reservedPrefix}|(?:${reservedName})$)`);

/** Matches a field of up to 16 members with short plain keys and values, none of which is reserved. */
const plainMember = String.raw`(?!${reservedPrefix}|(?:${reservedName})=)[\w.~-]{1,128}=[\w.~-]+`;
export const plainField: RegExp = new RegExp(`^${plainMember}(?:,${plainMember}){0,15}$`);

/** Verdicts by key: the same few are asked for with every event. */
const verdicts = new Map<string, boolean>();
const maxVerdicts = 1_000;

/** True for a key that may travel: a token as in HTTP headers, and not the name of a fact that spans have of their own. */
export function isBaggageKey(key: string): boolean {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = token.test(key) && !reservedKey.test(key);
  if (verdicts.size >= maxVerdicts) verdicts.clear();
  if (key.length <= 128) verdicts.set(key, verdict);
  return verdict;
}
