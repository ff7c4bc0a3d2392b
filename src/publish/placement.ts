/** The partition of an event: that of its key, so that all programs which publish the key agree. */

/** By FNV-1a (32 bits) over the UTF-8 bytes: every program computes the same one (docs/reference/wire-format.md). */
export function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}
