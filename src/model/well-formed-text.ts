/** Text that UTF-8 can write. Half of a surrogate pair cannot: on its way to Redis each would become the same replacement character. */

import { ChannelError } from "./errors.ts";

/** Why a text names nothing; undefined where it does. `what`: the noun for it, such as "an event id". */
export function illFormed(what: string, text: string): string | undefined {
  // JSON escapes halves, so that the reason can be read.
  return text.isWellFormed()
    ? undefined
    : `${what} ${JSON.stringify(text.slice(0, 100))} is no well-formed Unicode: it has half of a surrogate pair`;
}

/** @throws {ChannelError} on a text that would be the same as others once it is written */
export function requireWellFormed(what: string, text: string): void {
  const reason = illFormed(what, text);
  if (reason !== undefined) throw new ChannelError(reason);
}
