/** An entry that an owner has in flight, from the moment it knows of it to its settlement. */

import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import { decodeEntry, type Envelope } from "../model/envelope.ts";
import type { Cause, Event } from "../model/event.ts";
import { readPayload } from "../model/payload-reading.ts";
import { plain } from "../model/plain-objects.ts";
import { listOf } from "../model/single-item-list.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { AttemptCount } from "../ports/own.ts";
import type { Delivered } from "../ports/tracing.ts";
import type { Listed } from "./rolling-list.ts";
import type { Subscription } from "./subscription.ts";

/** Starts of one entry that each ended with its process: then it is a dead letter. */
export const maxStarts = 3;

/** An attempt whose process died. */
export interface LostAttempt {
  readonly member: string;
  readonly epoch: number;
  readonly attempt: number;
}

/**
 * away      its content is not here: an open entry of the owner before, or one that was let go. Fetched → waiting.
 * waiting   in its lane. Its turn → running; let go → away.
 * running   its handler runs. Ended → ended; blocked → away.
 * ended     its settlement is submitted. Answered → it leaves.
 */
export type DeliveryPhase = "away" | "waiting" | "running" | "ended";

/** The process span is told what `Delivered` says. */
export class Delivery implements DeliveryId, Delivered, Listed {
  readonly channel: string;
  readonly entryId: string;
  readonly subscription: Subscription;
  /** Its place among the channel's entries in flight: above 0 for what this owner has read, from 1; 0 for what is parked. */
  readonly ordinal: number;
  /** A retry that is due: the row does not name it as open. */
  readonly isParked: boolean;
  phase: DeliveryPhase = "away";
  /** How often it was loaded: what waited for its turn before it was let go does not count any more. */
  turn = 0;
  /** Of what is in flight. */
  hasLeft = false;
  /** Its settlement is in a batch that is sent, or will be in the next. */
  isInBatch = false;
  /** The store may have its attempts' count, or show it in the group's pending list. */
  isNoted: boolean;
  /** It is shown there, as far as this owner knows. */
  isShown = false;
  /** It was there when processes died: it runs alone, and its attempts are counted before they begin. */
  isSuspect = false;
  /** Taken up after another owner, or after a retry. */
  readonly claimed: boolean;
  /** The attempt of a dead owner that was cut off; undefined where there is none, and once it has been told. */
  lost: LostAttempt | undefined;
  /** Attempts so far, the running one included. */
  attempt: number;
  starts: number;
  /** How often its handler began within the attempt, before the run that is under way or comes. */
  run = 0;
  /** The attempt that runs, or is about to, is in `attempt` already. */
  isBegun = false;
  /** Traceparent of the attempt before, as a timer has brought it; empty where none did. */
  triedBy = "";
  /** Of an open entry that waits for a retry: until then its lane is blocked. 0 otherwise. */
  dueInMs: number;
  /** When its first attempt here began, on the monotonic clock; undefined before. */
  startedAt: number | undefined;
  /** Undefined while it is away, and where the entry cannot be read. */
  envelope: Envelope | undefined;
  /** Why the entry cannot be handled at all: it goes to the dead letters without its handler. */
  problem: unknown;
  event: Event<unknown> | undefined;
  correlation: Correlation = noCorrelation;
  /** The lane in which its turn must come; empty: it waits for nobody. Known once it was loaded. */
  lane: string | undefined;
  /** The same as a list: none where it waits for nobody. */
  lanes: readonly string[] = noLanes;
  /** Characters of the entry while it is here. */
  size = 0;

  constructor(
    { channel, entryId }: DeliveryId,
    subscription: Subscription,
    ordinal: number,
    isParked: boolean,
    record: AttemptCount | undefined,
  ) {
    this.channel = channel;
    this.entryId = entryId;
    this.subscription = subscription;
    this.ordinal = ordinal;
    this.isParked = isParked;
    this.claimed = ordinal <= 0 || record !== undefined;
    this.isNoted = this.claimed;
    this.attempt = record?.attempt ?? 0;
    this.starts = record?.starts ?? 0;
    const dueInMs = record?.dueInMs ?? 0;
    // Due later than anything ever is: the server's clock was set back since.
    this.dueInMs = isParked || dueInMs > subscription.retry.maxBackoffMs ? 0 : dueInMs;
  }

  /** Its content is here. */
  load(entry: StoredEntry): void {
    let size = 0;
    for (const field of entry.fields) size += field.length;
    this.size = size;
    this.phase = "waiting";
    this.turn++;
    try {
      this.envelope = decodeEntry(entry);
    } catch (problem) {
      this.problem = problem;
    }
    const lane = this.envelope?.key ?? "";
    this.lane = lane;
    if (lane !== "" && this.lanes === noLanes) this.lanes = listOf(lane);
  }

  /** Its content is let go; it will be fetched again. */
  unload(): void {
    this.phase = "away";
    this.size = 0;
    this.envelope = undefined;
    this.event = undefined;
    this.problem = undefined;
  }

  /** Whether the attempt that comes must be counted durably before it begins. */
  get isCounted(): boolean {
    return this.isSuspect || this.attempt > 0;
  }

  /** Whether what it is told apart by, or what its handler gets, may stand for bytes that are no UTF-8. */
  get mayBeNoText(): boolean {
    const { envelope } = this;
    if (envelope === undefined) return false;
    const { payload, key, id } = envelope;
    return payload.includes("\ufffd") || key.includes("\ufffd") || id.includes("\ufffd");
  }

  /** Parses and validates; sets `event`, or `problem`. Returns a promise only where the schema is asynchronous. */
  prepare(): void | Promise<void> {
    const { envelope, subscription } = this;
    if (envelope === undefined || this.event !== undefined || this.problem !== undefined) return;
    try {
      const valid = readPayload(subscription.channel, envelope);
      if (!(valid instanceof Promise)) return this.#accept(envelope, valid);
      return valid
        .then((payload) => this.#accept(envelope, payload))
        .catch((problem: unknown) => {
          this.problem = problem;
        });
    } catch (problem) {
      this.problem = problem;
    }
  }

  get eventId(): string {
    return this.envelope?.id ?? "";
  }

  get carrier(): Carrier {
    return this.envelope ?? noCarrier;
  }

  get causes(): readonly Cause[] {
    return this.envelope?.causes ?? [];
  }

  /** When it may be handled, epoch ms; 0: at once. */
  get dueAt(): number {
    return this.envelope?.dueAt ?? 0;
  }

  get time(): number {
    return this.envelope?.time ?? 0;
  }

  #accept(envelope: Envelope, payload: unknown): void {
    this.correlation = this.subscription.channel.correlation(payload);
    this.event = new HandledEvent(envelope, payload);
  }
}

/** What a handler sees of a delivery. */
const HandledEvent = plain<Event<unknown>, [Envelope, unknown]>(function (envelope, payload) {
  this.id = envelope.id;
  this.channel = envelope.channel;
  this.entryId = envelope.entryId;
  this.traceparent = envelope.traceparent;
  this.payload = payload;
  this.key = envelope.key;
  this.time = envelope.time;
  this.causes = envelope.causes;
  if (envelope.stories !== "") this.stories = envelope.stories;
});

const noCarrier: Carrier = Object.freeze({ traceparent: "", tracestate: "", baggage: "" });
const noCorrelation: Correlation = Object.freeze({});

const noLanes: readonly string[] = Object.freeze([]);
