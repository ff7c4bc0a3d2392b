/** A settlement as the settlement log holds it. */

/** One handler call as it was settled: a single delivery, or a batch in the order in which the handler had it. */
export interface SettledCall {
  readonly channel: string;
  readonly entryIds: readonly string[];
  readonly outcome: "acked" | "deadLettered";
  /** Why it was dead-lettered. Of a replay; the log itself keeps that with the dead letter. */
  readonly error?: string;
}

/**
 * What one settle script committed for a component, in the order in which it did. An entry that is named again later was delivered again
 * after its group was lost, or acknowledged twice without effect: the first time counts.
 */
export interface RecordedSettlement {
  readonly component: string;
  readonly partition: number;
  /** Its id in the component's settlement log: later settlements have higher ones. */
  readonly entryId: string;
  readonly calls: readonly SettledCall[];
}
