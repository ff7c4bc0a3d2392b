/** What the scripts of a session reply, and what it says. */

import type { AttemptCount, Loss, Renewed, Stranger } from "../../ports/own.ts";
import type { RowReply } from "./row.ts";

export type TendReply =
  | readonly ["fenced", RowReply]
  | readonly ["regressed"]
  | readonly ["tended", remade: readonly string[], strangers: readonly string[], losses: readonly string[]];

/** What others did, where they did something. */
export function meddlingOf(
  strangers: readonly string[],
  losses: readonly string[],
): Pick<Renewed & { outcome: "renewed" }, "strangers" | "losses"> {
  const found: Stranger[] = [];
  for (let i = 0; i + 1 < strangers.length; i += 2)
    found.push({ channel: strangers[i] as string, consumer: strangers[i + 1] as string });
  const lost: Loss[] = [];
  for (let i = 0; i + 2 < losses.length; i += 3)
    lost.push({ channel: losses[i] as string, count: Number(losses[i + 1]), isExact: losses[i + 2] === "1" });
  return { ...(found.length > 0 && { strangers: found }), ...(lost.length > 0 && { losses: lost }) };
}

export type DueReply = readonly [place: number, entryId: string, dueInMs: string, attempt: string, starts: string];

/** `dueInMs` below 0: since so many. */
export function countOf([attempt, starts, dueInMs]: readonly [string, string, string]): AttemptCount {
  return { attempt: Number(attempt), starts: Number(starts), dueInMs: Math.max(0, Number(dueInMs)) };
}
