/**
 * An hour before the console's page, in some minutes: the page gets the messages that it would have had, one after the other. They are the
 * server's own, taken from its streams, with the ids and times of later ones.
 */

import type { CDPSession, Page } from "playwright-core";

/** What a tab holds, after a collection of garbage. */
export interface TabMemory {
  readonly heapBytes: number;
  readonly domNodes: number;
  readonly listeners: number;
}

export async function memoryOf(session: CDPSession): Promise<TabMemory> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  return { heapBytes: usedSize, domNodes: nodes, listeners: jsEventListeners };
}

/** Remembers the page's streams and the latest message of each kind; to be called before the page is opened. */
export async function watchStreams(page: Page): Promise<void> {
  await page.addInitScript(`
    window.streams = [];
    const Real = EventSource;
    window.EventSource = class extends Real {
      constructor(address) {
        super(address);
        window.streams.push(this);
        this.latest = {};
        for (const kind of ["flow", "entries", "attempts"])
          this.addEventListener(kind, (event) => { if (event.isTrusted) this.latest[kind] = event.data; });
      }
    };
  `);
}

/**
 * Gives the page the messages of so many ms: a batch of entries each 250 ms, a look each 500 ms, attempts each 2 s, as the server sends them. The page
 * draws once for each five seconds of it: drawing is what takes the time, and what it keeps are the messages.
 */
export async function live(page: Page, ms: number): Promise<number> {
  const messages = await page.evaluate(`(async () => {
    let messages = 0;
    const begin = Date.now();
    const tell = (stream, kind, data) => {
      messages++;
      stream.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
    };
    for (let passed = 0; passed < ${ms}; passed += 250) {
      const at = begin + passed;
      for (const stream of window.streams) {
        const { flow, entries, attempts } = stream.latest;
        if (flow !== undefined && passed % 500 === 0) tell(stream, "flow", { ...JSON.parse(flow), at });
        if (attempts !== undefined && passed % 2_000 === 0) {
          const { everyMs, counts } = JSON.parse(attempts);
          const last = Math.floor(at / everyMs) * everyMs;
          tell(stream, "attempts", { everyMs, counts: counts.slice(-2).map((one, i) => ({ ...one, at: last + (i - 1) * everyMs })) });
        }
        if (entries !== undefined) {
          const batch = JSON.parse(entries);
          const later = batch.entries.map((entry, i) => ({ ...entry, appendedAt: at, entryId: at + "-" + (batch.entries.length - i) }));
          tell(stream, "entries", { ...batch, entries: later });
        }
      }
      if (passed % 5_000 === 4_750) await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    }
    return messages;
  })()`);
  return messages as number;
}
