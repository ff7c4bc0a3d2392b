/** The limits of appending in batches, the same for publishing, importing and replaying. */

/** Most entries in one append. */
export const maxBatchEntries = 128;
/** Most bytes in one append, so that a batch of large payloads does not block the server for long. */
export const maxBatchBytes = 1_048_576;
/** Most batches sent and not answered: enough to keep Redis busy while replies travel, and fewer than the numbers that Redis remembers. */
export const maxBatchesInFlight = 8;
