/** Appending entries exactly as they are given, for an import. */

/** An entry as it is to be appended, exactly: its fields as text, or byte for byte. Names and values in turn. */
export interface ExactEntry {
  readonly channel: string;
  readonly fields: readonly string[] | readonly Buffer[];
}

/** Appends entries exactly as they are given, under new ids. */
export interface ExactAppender {
  readonly partitions: number;
  /**
   * All of them, once, in this order, after those of the calls before; resolves with their ids when Redis has appended.
   * @throws {PublishError} when Redis does not answer in time, or refuses
   */
  append(partition: number, entries: readonly ExactEntry[]): Promise<readonly string[]>;
  close(): void;
}
