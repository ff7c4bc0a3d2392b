/** What stands between the ownership of a slice and the work that is done under it: the tenure, and the hold that it works under. */

import type { DeliveryId } from "../ports/delivery.ts";
import type { Claim, Loss, NewestRead, OwnerRow } from "../ports/own.ts";
import type { Session } from "../ports/slice-store.ts";

/** What is done with a slice between acquiring and losing it. */
export interface Tenure {
  readonly newest: readonly NewestRead[];
  /** Number of the last batch that was answered: a row that has not come as far has gone back. */
  readonly answered: number;
  /** What was begun and is not settled. */
  readonly unfinished: number;
  /** Entries that are to be shown as under way for long. */
  late(): readonly DeliveryId[];
  /** Somebody has removed entries before they were read. */
  lost(losses: readonly Loss[]): void;
  /** Works over this session from now on; what is unanswered is sent again. */
  resume(session: Session): void;
  /** Starts nothing more, and lets go of what was not started. False: something still runs after `ms`. */
  quiesce(ms: number): Promise<boolean>;
  /** What was to be shown is not any more. */
  showAgain(): void;
  /** The ownership was confirmed: what could not be started may be now. */
  confirmed(): void;
  /** Goes on after having been quiet. */
  goOn(): void;
  /** The slice is lost: nothing that is under way will be written. */
  end(reason: Error): void;
}

/** The hold on a slice, as its tenure sees it. */
export interface Hold {
  readonly claim: Claim;
  /** Whether the ownership was confirmed lately enough for a handler to start. */
  readonly mayStart: boolean;
  /** A settlement that was sent then has confirmed it. */
  confirmed(sent: Moment, wanted: string, remade: readonly string[]): void;
  /** A settlement was fenced, or the server has gone back. */
  lost(reason: string): void;
  /** The session is lost: another one is opened, and `resume` called. */
  broken(session: object): void;
  /** False: another one was opened, and the server asked whether it has what the tenure knew by then. What the former one answers after that is not heeded. */
  isInUse(session: object): boolean;
  /** Another node has heard of a later epoch, as when a failover has taken an acquisition back: the slice is taken again, beyond it. */
  outrun(epoch: number): void;
  /** Takes the slice again, from itself, which fences all that is still under way. False: it is lost, or the session is. */
  retake(): Promise<boolean>;
}

/** A time on both clocks, ms. */
export interface Moment {
  readonly now: number;
  readonly wallNow: number;
}

/** Why a partition is lost that nobody has taken: as after a failover, the server does not have what it had. */
export const goneBack = "the server has gone back";

/** An owner that is taken for dead. */
export interface DeadOwner {
  readonly member: string;
  readonly epoch: number;
}

export function deadOwnerOf({ owner, epoch }: OwnerRow): DeadOwner {
  return { member: owner.slice(0, Math.max(0, owner.indexOf("/"))), epoch };
}
