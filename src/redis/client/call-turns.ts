/** The numbers of calls that must run in order, and what each tells the script of those before it (numbers.lua). */

import { fourDigits, type ScriptArgs } from "./script-command.ts";

export interface Turn {
  /** The sequence that the call belongs to. */
  readonly sequence: string;
  /** The call's number in its sequence: one more than the call before. */
  readonly number: number;
}

/**
 * Largest distance to an unanswered call. The scripts remember no more numbers, and fewer calls are unanswered at once.
 */
const maxBehind = 15;
/** How long an answered call counts on being remembered, ms: half as long as it is (`numbersTtlMs`). */
const rememberedMs = 12 * 3_600_000;

export class CallTurns {
  /** The last answered call of each sequence: its number, and when that was by the monotonic clock. */
  readonly #answered = new Map<string, { readonly number: number; readonly at: number }>();

  answered({ sequence, number }: Turn): void {
    this.#answered.set(sequence, { number, at: performance.now() });
  }

  /**
   * The script's first argument: the distances to the sequence's last unanswered call, and to its last answered one. 0 for one that there is not, or that
   * the server need not remember. By the second the script sees that the server has gone back.
   */
  distances({ sequence, number }: Turn, unanswered: Turn | undefined): number {
    const answered = this.#answered.get(sequence);
    const isRemembered = answered !== undefined && performance.now() - answered.at <= rememberedMs;
    return 100 * distance(number, unanswered?.number) + distance(number, isRemembered ? answered.number : undefined);
  }
}

function distance(number: number, before: number | undefined): number {
  const behind = number - (before ?? number);
  return behind < 0 || behind > maxBehind ? 0 : behind;
}

/** With room for the distances. */
export function withTurn(args: ScriptArgs): ScriptArgs {
  return "body" in args ? { head: [fourDigits, ...args.head], body: args.body } : [fourDigits, ...args];
}
