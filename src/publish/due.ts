/** The time before which nobody handles an event. */

import { ChannelError } from "../model/errors.ts";

/** Epoch ms; 0 where it is due at once. @throws {ChannelError} on what is no time */
export function dueAtOf({ dueAt }: { readonly dueAt?: number }): number {
  if (dueAt === undefined) return 0;
  if (Number.isInteger(dueAt) && dueAt >= 0 && dueAt < 1e15) return dueAt;
  throw new ChannelError(`dueAt is ${String(dueAt)}; it must be a time in epoch ms, such as Date.now() + 60_000`);
}
