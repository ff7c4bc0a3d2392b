/** Positions in a channel, as addresses name them. */

import { Refusal } from "./refusal.ts";

/** An entry's id, or a time in epoch ms; "(" before it leaves the entry itself out. @throws {Refusal} on anything else */
export function positionIn(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\(?\d{1,20}(-\d{1,20})?$/.test(text))
    throw new Refusal(400, `"${text.slice(0, 100)}" is neither an entry's id nor a time in ms.`);
  return text;
}
