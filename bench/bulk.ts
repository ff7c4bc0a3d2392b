/** Publishes a round's events: in chunks of 500, two under way at once, or one by one. */

const chunkSize = 500;
const underWay = 2;

/** Publishes in chunks: the next chunk is built while one travels. */
export async function inChunks(
  count: number,
  publish: (first: number, end: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await inLanes(underWay, async () => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + chunkSize);
      await publish(first, next);
    }
  });
}

/** Publishes one by one in several lanes; each lane awaits its event before it takes the next. */
export async function each(count: number, atOnce: number, publish: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await inLanes(atOnce, async () => {
    while (next < count) await publish(next++);
  });
}

async function inLanes(lanes: number, lane: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, lane));
}
