/** An entry in the form in which every store gives it. */

/** An entry as the store holds it: names and values alternating, exactly as they were written. */
export interface StoredEntry {
  readonly channel: string;
  readonly entryId: string;
  readonly fields: readonly string[];
}
