/** What the console's benchmark measures, a function a part; the aims are those that docs/guide/console.md names. */

import { percentile } from "../statistics.ts";
import { live, memoryOf } from "./hour.ts";
import type { ConsoleBenchOptions } from "./options.ts";
import type { PartName } from "./part-names.ts";
import type { Figure } from "./record.ts";
import { perSecond, type World } from "./world.ts";

export interface Measured {
  readonly figures: readonly Figure[];
  readonly raw: unknown;
}

type Part = (world: World, options: ConsoleBenchOptions) => Promise<Measured>;

const roundSeconds = 12;

/** Opens the first view of a browser that has never opened anything, and then again and again. */
async function views(world: World): Promise<Measured> {
  let bytes = 0;
  await world.session.send("Network.enable");
  world.session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  const first = await world.timed("/", ".graph a");
  const pageBytes = bytes;
  const again: number[] = [];
  for (let i = 0; i < 9; i++) again.push(await world.timed("/", ".graph a"));
  return {
    figures: [
      atMost("first view, the page's loading included, the median of nine", median(again), 1_000, milliseconds),
      atMost("the same, the first time that the browser opens anything", first, 1_000, milliseconds),
      atMost("the page, compressed", pageBytes, 250_000, kilobytes),
    ],
    raw: { first, again, pageBytes },
  };
}

/** Searches for one event in the newest tenth: at its end, in its middle, at its beginning. */
async function search(world: World): Promise<Measured> {
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  for (const [where, share] of [
    ["near the log's end", 0.999],
    ["in the middle of its newest tenth", 0.95],
    ["at the beginning of its newest tenth", 0.901],
  ] as const) {
    const query = encodeURIComponent(`order.id=o-${Math.floor(world.published * share)}`);
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      await world.page.goto("about:blank");
      times.push(await world.timed(`/search?q=${query}`, "table[aria-label='Events found'] tbody tr"));
    }
    figures.push(atMost(`first hit of a search, ${where}, the median of five`, median(times), 1_000, milliseconds));
    raw[where] = times;
  }
  // A search for what there is not reads the whole log.
  const [before, serverBefore] = [await world.console(), await world.serverMicros()];
  const ms = await world.timed("/search?q=order.id=o-none", "text=No event matches");
  const [after, serverAfter] = [await world.console(), await world.serverMicros()];
  const console = (after.cpuMicros - before.cpuMicros) / world.published;
  const server = (serverAfter - serverBefore) / world.published;
  figures.push({ measured: "a search through the whole log", result: seconds(ms) });
  figures.push({
    measured: "its processor time an entry: the console's process, the server",
    result: `${micros(console)}, ${micros(server)}`,
  });
  return { figures, raw: { ...raw, whole: { ms, console, server } } };
}

/** The newest row's own time of publish, when the page has drawn it, while entries come at the rate. */
async function tail(world: World): Promise<Measured> {
  await world.timed("/channel/orders", "text=Live.");
  await world.page.evaluate(`
    window.latencies = [];
    const atOf = () => Number(/"at":(\\d+)/.exec(document.querySelector("tbody tr td:last-child")?.textContent ?? "")?.[1] ?? 0);
    window.latest = atOf();
    new MutationObserver(() => {
      const at = atOf();
      if (at === 0 || at === window.latest) return;
      window.latest = at;
      // The frame after next has it on the screen.
      requestAnimationFrame(() => requestAnimationFrame(() => window.latencies.push(Date.now() - at)));
    }).observe(document.querySelector("main"), { childList: true, subtree: true, characterData: true });
  `);
  await world.publishFor(2 * roundSeconds);
  const latencies = ((await world.page.evaluate("window.latencies")) as number[]).sort((a, b) => a - b);
  const at = (share: number): number => Math.round(percentile(latencies, share));
  const most = Math.round(latencies.at(-1) ?? Number.NaN);
  return {
    figures: [
      {
        measured: `from append to screen at ${perSecond.toLocaleString("en-US")} entries/s, median and 99th percentile`,
        result: `${milliseconds(at(0.5))}, ${milliseconds(at(0.99))}`,
      },
      atMost("the same at most", most, 1_000, milliseconds),
    ],
    raw: { seen: latencies.length, p50: at(0.5), p99: at(0.99), most },
  };
}

/** What a tab holds that has all that it may keep, and after the simulated time. */
function tab(path: string, there: string): Part {
  return async (world, { minutes }) => {
    await world.timed(path, `text=${there}`);
    await world.publishFor(5);
    // Ten minutes fill what charts keep.
    await live(world.page, 600_000);
    const before = await memoryOf(world.session);
    const messages = await live(world.page, minutes * 60_000);
    const after = await memoryOf(world.session);
    const grown = after.heapBytes - before.heapBytes;
    return {
      figures: [
        {
          measured: `memory of a tab at ${path}, and after ${minutes} further simulated minutes (${messages.toLocaleString("en-US")} messages)`,
          result: `${megabytes(before.heapBytes)}, ${megabytes(after.heapBytes)}; ${before.domNodes} and ${after.domNodes} nodes`,
          aim: "no growth (≤ 1 MB)",
          isMet: grown <= 1_000_000 && after.listeners <= before.listeners,
        },
      ],
      raw: { before, messages, after },
    };
  };
}

/** Processor time an entry of component and server, with the flow open and without, in turns. */
async function processor(world: World, { rounds }: ConsoleBenchOptions): Promise<Measured> {
  interface Round {
    readonly component: number;
    readonly server: number;
    readonly console: number;
  }
  const round = async (): Promise<Round> => {
    await world.publishFor(2);
    const before = [await world.component(), await world.console(), await world.serverMicros()] as const;
    await world.publishFor(roundSeconds);
    const after = [await world.component(), await world.console(), await world.serverMicros()] as const;
    const count = after[0].handled - before[0].handled;
    return {
      component: (after[0].cpuMicros - before[0].cpuMicros) / count,
      console: (after[1].cpuMicros - before[1].cpuMicros) / count,
      server: (after[2] - before[2]) / count,
    };
  };
  const open = async (): Promise<Round> => {
    await world.timed("/", ".graph a");
    return await round();
  };
  const closed = async (): Promise<Round> => {
    await world.page.goto("about:blank");
    return await round();
  };
  const pairs: { readonly open: Round; readonly closed: Round }[] = [];
  await closed(); // warms up
  for (let i = 0; i < rounds; i++) {
    // Each goes first in turn, so that what drifts meets both.
    const first = i % 2 === 0 ? await open() : await closed();
    const second = i % 2 === 0 ? await closed() : await open();
    pairs.push(i % 2 === 0 ? { open: first, closed: second } : { open: second, closed: first });
  }
  const sum = ({ component, server }: Round): number => component + server;
  const ratios = pairs.map((pair) => sum(pair.open) / sum(pair.closed));
  const each = ratios.map((ratio) => ratio.toFixed(2)).join(", ");
  const of = (kind: "open" | "closed", name: keyof Round): string =>
    micros(median(pairs.map((pair) => pair[kind][name])));
  return {
    figures: [
      {
        measured:
          "processor time an entry, component and server, with an open console ÷ without, the median of the pairs",
        result: `${median(ratios).toFixed(2)} (${each})`,
        aim: "≤ 1.05",
        isMet: median(ratios) <= 1.05,
      },
      {
        measured: "with: component, server, console; without: component, server",
        result: `${of("open", "component")}, ${of("open", "server")}, ${of("open", "console")}; ${of("closed", "component")}, ${of("closed", "server")}`,
      },
    ],
    raw: { ratios, pairs },
  };
}

export const parts: Readonly<Record<PartName, Part>> = {
  views,
  search,
  tail,
  "tab-channel": tab("/channel/orders", "Live."),
  "tab-component": tab("/component/bench", "Members"),
  processor,
};

function atMost(measured: string, value: number, most: number, write: (value: number) => string): Figure {
  return { measured, result: write(value), aim: `≤ ${write(most)}`, isMet: value <= most };
}

function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

const milliseconds = (value: number): string => `${value.toLocaleString("en-US")} ms`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;
const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
const micros = (value: number): string => `${value.toFixed(1)} µs`;
