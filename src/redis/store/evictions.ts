/** The lines with which an append or a settlement says that full channels have made room. */

import type { Evicted } from "../../ports/append.ts";

/** Takes them off the end of a reply. `channelAt`: the channel of the stream at a place in the script's keys. */
export function takeEvictions(
  lines: string[],
  partition: number,
  channelAt: (place: number) => string,
  onEvicted: (evicted: Evicted) => void,
): void {
  while (lines.at(-1)?.startsWith("~")) {
    const [place = 0, removed = 0, unfinished = 0] = (lines.pop() ?? "").slice(1).split(" ").map(Number);
    onEvicted({ channel: channelAt(place), partition, removed, unfinished });
  }
}
