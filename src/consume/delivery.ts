/** An entry in this member's hands, from its arrival to its settlement. */

import type { Carrier } from "../model/carrier.ts";
import type { Correlation } from "../model/channel.ts";
import { decodeEntry, type Envelope } from "../model/envelope.ts";
import type { Cause, Event } from "../model/event.ts";
import { readPayload } from "../model/payload-reading.ts";
import { plain } from "../model/plain-objects.ts";
import { listOf } from "../model/single-item-list.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { AttemptRecord, DeliveryId, Membership } from "../ports/store.ts";
import type { Delivered } from "../ports/tracing.ts";
import { sharedCrashes } from "./outcome.ts";
import type { Subscription } from "./subscription.ts";

/** The process span is told what `Delivered` says. */
export class Delivery implements DeliveryId, Delivered {
  readonly channel: string;
  readonly entryId: string;
  readonly subscription: Subscription;
  /** Under which membership it was delivered: only that one may settle it. */
  readonly membership: Membership;
  /** Characters of the entry, for the bound on what is in hand. */
  readonly size: number;
  /** Taken over from another member rather than read. */
  readonly claimed: boolean;
  /** What was read; undefined where the entry cannot be. */
  readonly envelope: Envelope | undefined;
  /** Why the entry cannot be handled at all: it goes to the dead letters without its handler. */
  problem: unknown;
  /** Set once the payload is parsed and valid. */
  event: Event<unknown> | undefined;
  correlation: Correlation = noCorrelation;
  /** Attempts so far, the running one included. 0 before the first. */
  attempt: number;
  /** Starts that ended with the silence of a member. */
  crashes: number;
  /** How often another member had changed the state that its handler had read. */
  conflicts = 0;
  /** A durable attempt record exists: attempts are counted in Redis before they run, and the record goes with the settlement. */
  hasRecord: boolean;
  /** An attempt may start long after its timer has fired, and in the context of whatever ended just before it. */
  wokenBy = "";
  /** No longer this member's: whatever comes of it is thrown away. */
  isVoid = false;

  constructor(
    entry: StoredEntry,
    subscription: Subscription,
    membership: Membership,
    record: AttemptRecord | undefined,
    claimed: boolean,
  ) {
    this.channel = entry.channel;
    this.entryId = entry.entryId;
    this.subscription = subscription;
    this.membership = membership;
    this.claimed = claimed;
    this.attempt = record?.attempt ?? 0;
    this.crashes = record?.crashes ?? 0;
    this.hasRecord = record !== undefined;
    let size = 0;
    for (const field of entry.fields) size += field.length;
    this.size = size;
    try {
      this.envelope = decodeEntry(entry);
    } catch (problem) {
      this.problem = problem;
    }
  }

  /** The lanes in which its turn must come. Events of one key keep their order, whatever channel they are on. */
  get keys(): readonly string[] {
    const key = this.envelope?.key ?? "";
    if (key === "") return noKeys;
    // Lanes are shared by all partitions; the first one's keys, mostly all that there are, stand for themselves.
    const { partition } = this.membership;
    return listOf(partition === 0 ? key : `${partition}/${key}`);
  }

  /** It was there too often when a member fell silent: only a start that it has alone can tell whether it is the cause. */
  get isSuspect(): boolean {
    return this.hasRecord && this.crashes >= sharedCrashes;
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
      if (valid instanceof Promise) {
        return valid
          .then((payload) => this.#accept(envelope, payload))
          .catch((problem: unknown) => {
            this.problem = problem;
          });
      }
      this.#accept(envelope, valid);
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
});

const noKeys: readonly string[] = Object.freeze([]);
const noCarrier: Carrier = Object.freeze({ traceparent: "", tracestate: "", baggage: "" });
const noCorrelation: Correlation = Object.freeze({});
