/** A source's lifecycle in this process: one member that runs it in the partitions that it owns. */

import type { ComponentHealth } from "../consume/component.ts";
import type { Channel } from "../model/channel.ts";
import { sliceOfSource } from "../model/source-names.ts";
import { Members } from "../ownership/members.ts";
import { beatMsOf, Ownership } from "../ownership/ownership.ts";
import { atMost } from "../ownership/pause.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { SliceStore } from "../ports/slice-store.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { ResolvedSourceOptions } from "./options.ts";
import type { Source, SourceRun } from "./source.ts";
import { type Memory, SourceTenure } from "./tenure.ts";

export interface RunningSourceParts<P> {
  readonly name: string;
  readonly channel: Channel<P>;
  readonly run: SourceRun<P>;
  readonly options: ResolvedSourceOptions;
  readonly member: string;
  readonly about: string;
  /** Of the namespace. */
  readonly partitions: number;
  readonly store: SliceStore;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Called with the channel of each append. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Says in the namespace what the source is; called with each partition that is acquired, as all may have been gone. */
  readonly describe: () => void;
  /** Called once, when it is closed. */
  readonly closed: () => void;
}

/** How long a server that does not answer is waited for, beside what the runs get, ms. */
const leaveGraceMs = 500;

/** running: beats, owns, runs. Disposed of → draining: says that it leaves, ends its runs, hands over. Then → closed. */
type Phase = "running" | "draining" | "closed";

export class RunningSource<P> implements Source {
  readonly name: string;
  readonly member: string;
  readonly #parts: RunningSourceParts<P>;
  readonly #members: Members;
  readonly #ownerships: readonly Ownership[];
  readonly #running: Promise<unknown>;
  #phase: Phase = "running";
  /** Redis has answered it. */
  #hasJoined = false;
  #closing: Promise<void> | undefined;

  constructor(parts: RunningSourceParts<P>) {
    const { name, member, options, partitions, store } = parts;
    this.name = name;
    this.member = member;
    this.#parts = parts;
    const { takeoverAfterMs, runs } = options;
    const component = sliceOfSource(name);
    const beatMs = beatMsOf(takeoverAfterMs);
    const slices = runs === "single" ? 1 : partitions;
    const members = new Members(
      { ...parts, component, partitions: slices, takeoverAfterMs, beatMs, presence: store.presence(component) },
      () => {
        this.#hasJoined ||= members.isConfirmed;
        for (const ownership of this.#ownerships) ownership.nudge();
      },
    );
    this.#members = members;
    this.#ownerships = Array.from({ length: slices }, (_, partition) => {
      const memory: Memory = { lastRun: Promise.resolve(), position: undefined };
      return new Ownership({
        ...parts,
        slice: { component, partition },
        channels: [],
        takeoverAfterMs,
        beatMs,
        begin: "0",
        mayOwn: () => members.isConfirmed,
        shouldOwn: (without) => members.shouldOwn(partition, without),
        tookOver: () => parts.tracing.tookOver(component, partition),
        open: (hold) => {
          parts.describe();
          return new SourceTenure({ ...parts, source: name, partition, memory, takeoverAfterMs }, hold);
        },
      });
    });
    this.#running = Promise.all([members.run(), ...this.#ownerships.map((ownership) => ownership.run())]);
  }

  get owned(): readonly number[] {
    return this.#ownerships.flatMap(({ tenure }, partition) => (tenure === undefined ? [] : [partition]));
  }

  get health(): ComponentHealth {
    const component = sliceOfSource(this.name);
    const unready = (reason: string): ComponentHealth => ({ component, isLive: true, isReady: false, reason });
    if (this.#phase !== "running") return unready(this.#phase);
    if (!this.#members.isConfirmed)
      return unready(this.#members.refused?.message ?? (this.#hasJoined ? "Redis does not answer" : "joining"));
    if (this.#ownerships.some(({ isStill }) => isStill))
      return { ...unready("a loop stands still although Redis answers"), isLive: false };
    for (const [partition, { refused, tenure }] of this.#ownerships.entries()) {
      const problem = refused?.message ?? (tenure instanceof SourceTenure ? tenure.problem : undefined);
      if (problem !== undefined) return unready(`partition ${partition}: ${problem}`);
    }
    return { component, isLive: true, isReady: true };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#parts.tracing.atRoot(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock, log, name, options, closed } = this.#parts;
    const { drainTimeoutMs } = options;
    this.#phase = "draining";
    // Said before anything is released, so that those who take over see whose turn it is.
    const said = atMost(clock, leaveGraceMs, this.#members.leave());
    let unfinished = 0;
    const left = this.#ownerships.map(async (ownership) => {
      unfinished += await ownership.leave(drainTimeoutMs, said);
    });
    await atMost(clock, drainTimeoutMs + leaveGraceMs, Promise.all(left));
    for (const ownership of this.#ownerships) ownership.close();
    if (unfinished > 0)
      log.error({ source: name, unfinished, drainTimeoutMs }, "a source's runs did not end in time: they are fenced");
    this.#phase = "closed";
    closed(); // and with it the store: a beat that waits for a server which is away waits no longer
    await this.#running;
  }
}
