/** Text that UTF-8 can write. Halves of surrogate pairs cannot be written: all of them would become the same replacement character. */

import { ChannelError } from "./errors.ts";

/** The reason why a text cannot be a name; undefined where it can. `what` is the noun for the text, such as "an event id". */
export function illFormed(what: string, text: string): string | undefined {
  // JSON escapes the halves, so that the reason is readable.
  return text.isWellFormed()
    ? undefined
    : `${what} ${JSON.stringify(text.slice(0, 100))} is no well-formed Unicode: it has half of a surrogate pair`;
}

/** @throws {ChannelError} on a text that would be written the same as others */
export function requireWellFormed(what: string, text: string): void {
  const reason = illFormed(what, text);
  if (reason !== undefined) throw new ChannelError(reason);
}
