/** An entry in the form in which every store gives it. */

/** An entry as the store holds it: names and values alternating, exactly as they were written. */
export interface StoredEntry {
  readonly channel: string;
  readonly entryId: string;
  readonly fields: readonly string[];
}

/** The event id as it stands in an entry's fields; empty where it has none. */
export function eventIdIn(fields: readonly string[]): string {
  return fields[0] === "id" ? (fields[1] as string) : "";
}
