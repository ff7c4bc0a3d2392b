/** Appending entries exactly as they are given: the store's role for an import. */

/** An entry to append unchanged: names and values alternating, as text or byte for byte. */
export interface ExactEntry {
  readonly channel: string;
  readonly fields: readonly string[] | readonly Buffer[];
}

/** Appends entries exactly as they are given, under new ids. */
export interface ExactAppender {
  /** The number of partitions, known for good. @throws as `append` */
  partitions(): Promise<number>;
  /**
   * Appends all entries, once, in this order, after those of earlier calls. Resolves with their ids when Redis has appended.
   * @throws {PublishError} when Redis does not answer in time, or refuses
   */
  append(partition: number, entries: readonly ExactEntry[]): Promise<readonly string[]>;
  close(): void;
}
