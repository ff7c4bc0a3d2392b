/** A settlement as the settlement log holds it. */

/** A run of a handler, as the settlement log tells it. */
export interface RunNote {
  /** From the handler's start to the settlement, ms. */
  readonly tookMs: number;
  /** From 1. */
  readonly attempt: number;
  /** Counts from 0 the times that the handler began within the attempt. */
  readonly run: number;
  /** True where the delivery was taken over from another member. */
  readonly claimed: boolean;
  /** Number of the ownership in which it ran; absent: that of the owner. */
  readonly epoch?: number;
}

/** A run that did not end with an acknowledgement. */
export interface FailedNote extends RunNote {
  readonly outcome: "retried" | "conflict" | "deadLettered" | "owner_lost";
  readonly channel: string;
  readonly entryIds: readonly string[];
  /** How long before the settlement it ended, ms; absent: with it. */
  readonly endedAgoMs?: number;
  readonly epoch: number;
  /** The member, where it is not the owner. */
  readonly member?: string;
  readonly errorType?: string;
  readonly error?: string;
}

/** One settled handler call: a single delivery, or a batch in the order in which the handler received it. */
export interface SettledCall {
  readonly channel: string;
  readonly entryIds: readonly string[];
  readonly outcome: "acked" | "deadLettered";
  /** The reason of a dead letter. Only a replay sets it; the log keeps the reason with the dead letter. */
  readonly error?: string;
  /** Of an acknowledged call: how its handler ran. Absent in logs of earlier versions. */
  readonly run?: RunNote;
  /** Of a dead letter: its id. Absent in logs of earlier versions. */
  readonly deadId?: string;
}

/**
 * The calls that one settle script committed for a component, in order of commit. When an entry is named more than once, the first
 * settlement counts: the later ones come from a delivery after the group was lost, or from an acknowledgement without effect.
 */
export interface RecordedSettlement {
  readonly component: string;
  readonly partition: number;
  /** The settlement's id in the component's settlement log: later settlements have higher ids. */
  readonly entryId: string;
  readonly calls: readonly SettledCall[];
  /** Runs that ended without an acknowledgement, as far as the log was told of them. */
  readonly failed?: readonly FailedNote[];
  /** Who wrote it; absent in most, where it is as in the one before. */
  readonly owner?: { readonly member: string; readonly epoch: number };
}
