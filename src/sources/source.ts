/** A source as its user has it: what it is given, what it may append, and how it does. */

import type { ComponentHealth } from "../consume/component.ts";
import type { Carrier } from "../model/carrier.ts";
import type { EventRef } from "../model/event.ts";
import type { Fence } from "../ownership/fence.ts";
import type { PublishOptions } from "../publish/producer.ts";

/** An event that a source appends. */
export interface SourceEvent<P> extends Omit<PublishOptions, "eventId" | "detached"> {
  readonly payload: P;
  /**
   * A stable id of the outside system's own, 1 to 256 characters of well-formed Unicode. Default: an id derived from the source, the position
   * and the event's place in the append: the same again where the same append is made again, as after a failover that lost it.
   */
  readonly eventId?: string;
  /** The trace that the event came with. Its send span continues it. Default: the active span, or a trace of its own. */
  readonly carrier?: Partial<Carrier>;
}

/** Tools of one run of a source. */
export interface SourceTools<P> {
  /** The position of the last append, of whichever process; undefined before the first one. Read from there on. */
  readonly position: string | undefined;
  /** The partition that the run belongs to; 0 where there is one run in all. */
  readonly partition: number;
  /**
   * Aborts when the run must end: the partition goes to another process or is lost, the source is closed, or an append has failed. What was
   * received may still be appended while the run ends, unless the partition is lost.
   */
  readonly signal: AbortSignal;
  /** For the outside system: a lower epoch is a former owner's, and so is the same epoch with another token. */
  readonly fence: Fence;
  /**
   * Appends events, none to 1,000, and the position up to which the outside system was read with them, in one step: both are in the log or
   * neither is, once, however often connections and processes break. Resolves when Redis has appended, with the events in their order. (On a
   * cluster an event for a partition at another node is moved there a round trip later, and its reference has no `entryId`.)
   * Appends may be under way at once: they are written in the order of the calls.
   *
   * While the store refuses (the channel is full, memory is full) the append waits and is tried again; the health says why. When one append
   * fails, all later ones of the run do, and the run is over: the next one begins at the last position that was written.
   * @throws {FencedError} when the partition is lost first, or handed over while the store refuses: the next owner begins at the last position
   * @throws {PayloadError} @throws {ChannelError} @throws {ConfigError} on events or a position that cannot be appended; nothing was sent
   */
  append(events: readonly SourceEvent<P>[], position: string): Promise<readonly EventRef[]>;
}

/**
 * Reads an outside system from `tools.position` on and appends what it says, until `tools.signal` aborts. A run that ends is begun again a
 * second later, one that throws after 0.25 to 30 s: in this process, or in the one that owns the partition then.
 */
export type SourceRun<P> = (tools: SourceTools<P>) => Promise<void>;

/** A source at work in this process, as one member of it: it runs where it owns a partition, and stands by otherwise. */
export interface Source extends AsyncDisposable {
  readonly name: string;
  /** This member's name, unlike every other member's, also of this host and process. */
  readonly member: string;
  /** The partitions whose run is in this process now. Empty while it stands by. */
  readonly owned: readonly number[];
  /** How it does, from what it knows already. Not ready while a run fails, the store refuses, or Redis does not answer. */
  readonly health: ComponentHealth;
  /** Ends the runs here, waiting up to `drainTimeoutMs`, and lets other processes have them. A second call joins the first. */
  [Symbol.asyncDispose](): Promise<void>;
}
