/** A settlement as the settlement log holds it. */

/** One settled handler call: a single delivery, or a batch in the order in which the handler received it. */
export interface SettledCall {
  readonly channel: string;
  readonly entryIds: readonly string[];
  readonly outcome: "acked" | "deadLettered";
  /** The reason of a dead letter. Only a replay sets it; the log keeps the reason with the dead letter. */
  readonly error?: string;
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
}
