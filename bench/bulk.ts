/** Hands out a round's events in chunks of 500, two chunks under way at once: the next one is built while one travels. */

const chunkSize = 500;
const underWay = 2;

export async function inChunks(
  count: number,
  publish: (first: number, end: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + chunkSize);
      await publish(first, next);
    }
  };
  await Promise.all(Array.from({ length: underWay }, lane));
}
