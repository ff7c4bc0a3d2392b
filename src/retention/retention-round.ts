/** One round of retention: trims every channel as far as its policy and its components allow, and names the component that holds it back. */

import { type ComponentStatus, readStatus } from "../inspect/status/status.ts";
import { compareIds } from "../model/entry-ids.ts";
import { describeRetention, letsGo, type Retention } from "../model/retention-policy.ts";
import type { Catalogue, Inspector, LogStream } from "../ports/inspect.ts";
import type { Log } from "../ports/log.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { Surveyed, Trimmed, Trimmer } from "../ports/trim.ts";
import { holdersOf } from "./floor.ts";

/** The channels as this process's own code defines them. The namespace's description is only advice: other programs may have written it. */
export interface OwnChannels {
  readonly partitions: number;
  /** Every channel that the process has used, by name. */
  readonly retention: ReadonlyMap<string, Retention>;
}

/** The channels whose policy lets entries be trimmed, sorted. */
export function trimmedChannels({
  retention,
}: OwnChannels): readonly (readonly [channel: string, retention: Retention])[] {
  return [...retention].filter(([, one]) => letsGo(one)).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The collaborators of a round. */
export interface RetentionContext {
  readonly own: OwnChannels;
  readonly inspector: Inspector;
  readonly trimmer: Trimmer;
  readonly tracing: Tracing;
  readonly log: Log;
}

/** Rounds between looks for groups on channels that this process does not trim. */
const roundsPerLook = 60;
/** Least wait before a dropped channel's entry counts as unserved, ms: until then a member that was started earlier may handle it. */
const droppedAfterMs = 15_000;

/** How long an entry may wait for a foreign group before that is told, ms. */
const foreignAfterMs = 600_000;

/** Runs rounds, and remembers which warnings it has given. */
export class RetentionRound {
  readonly #context: RetentionContext;
  /** Components, and their channels, of which this process has warned. Each is warned of once while its state lasts. */
  #warned: ReadonlySet<string> = new Set();
  #rounds = 0;
  /** True while the namespace describes another partition count and the alarm was logged. */
  #isCountTold = false;
  /** Descriptions that this process has warned of. */
  readonly #warnedOfOther = new Set<string>();

  constructor(context: RetentionContext) {
    this.#context = context;
  }

  /** Runs one round. @throws {StoreError} when Redis is away or refuses; the next round continues from there */
  async run(): Promise<void> {
    const { inspector, trimmer, tracing, log, own } = this.#context;
    const catalogue = await inspector.catalogue();
    if (catalogue === undefined) return;
    if (catalogue.partitions !== own.partitions) {
      const fields = { described: catalogue.partitions, own: own.partitions };
      if (!this.#isCountTold)
        log.error(fields, "somebody has changed the namespace's partition count: put it back, or no process can start");
      this.#isCountTold = true;
    } else this.#isCountTold = false;
    let isHeld = false;
    const channels = trimmedChannels(own);
    const surveys: ReadonlyMap<string, Surveyed>[] = [];
    for (let partition = 0; partition < own.partitions; partition++) {
      surveys.push(await trimmer.survey(partition, channels));
    }
    for (const [channel, retention] of channels) {
      this.#warnOfOther(channel, retention, catalogue);
      const partitions = surveys.flatMap((surveyed, partition) =>
        surveyed.get(channel)?.isTrimmable === true ? [partition] : [],
      );
      if (partitions.length === 0) continue;
      const components = [...catalogue.components].flatMap(([name, of]) => (of.includes(channel) ? [name] : []));
      let removed = 0;
      for (const partition of partitions) {
        const stream = { channel, partition };
        const step = await this.#trim(stream, retention, components);
        removed += step.removed;
        if (!step.isHeld) continue;
        isHeld = true;
        const facts = await inspector.streamFacts(stream, components);
        log.debug({ channel, partition, by: holdersOf(facts?.groups ?? []) }, "unfinished entries hold retention back");
      }
      if (removed === 0) continue;
      tracing.trimmed(channel, removed);
      log.debug({ channel, removed }, "trimmed");
    }
    await this.#trimSettlements(catalogue, surveys);
    if (isHeld || this.#rounds++ % roundsPerLook === 0) await this.#warnOfForgotten();
  }

  async #trim(stream: LogStream, retention: Retention, components: readonly string[]): Promise<Trimmed> {
    let removed = 0;
    for (;;) {
      const step = await this.#context.trimmer.trim(stream, retention, components);
      removed += step.removed;
      if (!step.hasMore) return { ...step, removed };
    }
  }

  /** Trims settlements older than the channels' oldest entries: a settlement names only entries that were appended before it. */
  async #trimSettlements({ components }: Catalogue, surveys: readonly ReadonlyMap<string, Surveyed>[]): Promise<void> {
    const { trimmer, own } = this.#context;
    const trimmed = new Set(trimmedChannels(own).map(([channel]) => channel));
    for (const [component, channels] of components) {
      if (!channels.every((channel) => trimmed.has(channel))) continue;
      for (const [partition, surveyed] of surveys.entries()) {
        let oldest: string | undefined;
        for (const channel of channels) {
          const first = surveyed.get(channel)?.oldestId;
          if (first !== undefined && (oldest === undefined || compareIds(first, oldest) < 0)) oldest = first;
        }
        if (oldest !== undefined) await trimmer.trimSettlements(partition, component, oldest);
      }
    }
  }

  /** Warns once for each description that differs from the code's. An older or newer version may have written it, or a person. */
  #warnOfOther(channel: string, retention: Retention, { described }: Catalogue): void {
    const text = described.get(channel);
    const name = `${channel} ${text}`;
    if (text === undefined || text === describeRetention(retention) || this.#warnedOfOther.has(name)) return;
    this.#warnedOfOther.add(name);
    this.#context.log.warn(
      { channel, described: text, own: describeRetention(retention) },
      "the namespace describes another retention than this process' code has for the channel: the code's is kept",
    );
  }

  async #warnOfForgotten(): Promise<void> {
    const { inspector, log } = this.#context;
    const { components, at } = await readStatus(inspector);
    const warned = new Set<string>();
    const warn = (name: string, fields: object, text: string): void => {
      warned.add(name);
      if (!this.#warned.has(name)) log.warn(fields, text);
    };
    for (const one of components) {
      const name = `${one.component}/${one.partition}`;
      if (one.state === "abandoned") {
        warn(
          name,
          heldBackBy(one, at),
          `an abandoned component holds retention back: serve it, or retire it (throughline component retire ${one.component})`,
        );
        continue;
      }
      if (one.state === "foreign") {
        if (one.channels.some(({ lagMs, oldestPendingMs }) => Math.max(lagMs, oldestPendingMs) > foreignAfterMs)) {
          const text = `a foreign group holds retention back: see to the program that serves it, or retire it (throughline component retire ${one.component})`;
          warn(name, heldBackBy(one, at), text);
        }
        continue;
      }
      for (const { channel, dropped, oldestUnfinishedId, lagMs, oldestPendingMs } of one.channels) {
        if (!dropped || Math.max(lagMs, oldestPendingMs) < droppedAfterMs) continue;
        warn(
          `${name}/${channel}`,
          { component: one.component, partition: one.partition, channel, from: oldestUnfinishedId },
          "a component holds retention back on a channel that it does not subscribe to any more: subscribe to it, or retire its group " +
            `(throughline component retire ${one.component} --channel ${channel})`,
        );
      }
    }
    this.#warned = warned;
  }
}

function heldBackBy({ component, partition, lastSeenAt, channels }: ComponentStatus, at: number): object {
  const from = channels.flatMap(({ channel, oldestUnfinishedId }) =>
    oldestUnfinishedId === null ? [] : [`${channel} from ${oldestUnfinishedId}`],
  );
  return { component, partition, unseenForMs: lastSeenAt === null ? null : at - lastSeenAt, from };
}
