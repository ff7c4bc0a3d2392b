/**
 * Ids of spans, derived from what the log holds: so the log alone is enough to make the same spans again. An attempt's id comes of its
 * place (trace, component, entry, attempt). A `send` span's comes of its event and its parent, so that the parent can be read out of it.
 */

import { hexOf, wordAt } from "../model/hex.ts";
import type { SpanIdentity } from "./span-identity.ts";

/** A hash of 64 bits, in two words. Not for secrets: whoever chooses what is hashed could find two texts of one hash. */
class Hash {
  high: number;
  low: number;

  constructor(seed: number) {
    this.high = 0xdeadbeef ^ seed;
    this.low = 0x41c6ce57 ^ seed;
  }

  add(text: string, from = 0): this {
    let { high, low } = this;
    for (let i = from; i < text.length; i++) {
      const code = text.charCodeAt(i);
      high = Math.imul(high ^ code, 0x9e3779b1);
      low = Math.imul(low ^ code, 0x5f356495);
      high ^= high >>> 15;
    }
    // The end of a text: "ab" and "c" are not "a" and "bc".
    this.high = Math.imul(high ^ 0x1ff, 0x85ebca6b);
    this.low = Math.imul(low ^ 0x1ff, 0xc2b2ae35);
    return this;
  }

  end(): this {
    const high = mixed(this.high ^ Math.imul(this.low ^ (this.low >>> 13), 0xc2b2ae35));
    this.low = mixed(this.low ^ Math.imul(high ^ (high >>> 16), 0x85ebca6b));
    this.high = high;
    return this;
  }
}

function mixed(word: number): number {
  let bits = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The last four digits of an attempt's id: they follow from the others, and so tell such an id from a drawn one. */
function checkOf(traceId: string, high: number, low: number): number {
  const trace = wordAt(traceId, 24);
  return mixed(high ^ Math.imul(low >>> 16, 0x9e3779b1) ^ trace) >>> 16;
}

/** True of an id that an attempt of ours has in the trace, and, by chance, of one in 65,536 others. */
export function isAttemptId(traceId: string, spanId: string): boolean {
  const high = wordAt(spanId, 0);
  const low = wordAt(spanId, 8);
  return checkOf(traceId, high, low & ~0xffff) === (low & 0xffff);
}

/** The place of an attempt at an entry. */
export interface AttemptPlace {
  readonly namespace: string;
  readonly component: string;
  readonly partition: number;
  readonly channel: string;
  /** Of a batch the first entry. */
  readonly entryId: string;
  readonly attempt: number;
  /** The number of the ownership in which it ran: two owners may both take an attempt for the first. */
  readonly epoch: number;
  /** Counts from 0 the times that the handler began within the attempt: after a failed batch, and when state had changed meanwhile. */
  readonly run: number;
}

/** Digits of a trace id from which on it is hashed: an id is one within its trace, so that half of the trace's digits are enough. */
const hashedFrom = 16;

/** The hash of what attempts at one entry after the other have in common, as most have. */
interface Common {
  readonly place: AttemptPlace;
  readonly high: number;
  readonly low: number;
}

/** The last ones: a process has a few components with a few channels each. */
const recent: Common[] = [];
const maxRecent = 16;

function commonOf(place: AttemptPlace): Common {
  const { namespace, component, partition, channel, attempt, epoch, run } = place;
  for (const known of recent) {
    const other = known.place;
    if (
      other.component === component &&
      other.channel === channel &&
      other.partition === partition &&
      other.epoch === epoch &&
      other.attempt === attempt &&
      other.run === run &&
      other.namespace === namespace
    )
      return known;
  }
  const text = `${partition} ${attempt} ${epoch} ${run}`;
  const { high, low } = new Hash(0).add(component).add(channel).add(namespace).add(text);
  const common = { place, high, low };
  if (recent.length >= maxRecent) recent.shift();
  recent.push(common);
  return common;
}

function hashOf(place: AttemptPlace, seed: number, traceId: string): Hash {
  const { high, low } = commonOf(place);
  const hash = new Hash(seed);
  hash.high ^= high;
  hash.low ^= low;
  return hash.add(place.entryId).add(traceId, hashedFrom).end();
}

/** The ids of an attempt's spans: one for each trace in which it has a span. */
export class AttemptIdentity implements SpanIdentity {
  readonly #place: AttemptPlace;
  #traceId: string | undefined;

  constructor(place: AttemptPlace) {
    this.#place = place;
  }

  /** The trace of an attempt that begins one. */
  traceId(): string {
    if (this.#traceId !== undefined) return this.#traceId;
    const one = hashOf(this.#place, 1, "");
    const two = hashOf(this.#place, 2, "");
    // No id is all zeros.
    this.#traceId = hexOf(one.high, one.low | 1) + hexOf(two.high, two.low);
    return this.#traceId;
  }

  spanId(traceId: string): string {
    const { high, low } = hashOf(this.#place, 3, traceId);
    const first = high === 0 ? 1 : high;
    const second = low & ~0xffff;
    return hexOf(first, second | checkOf(traceId, first, second));
  }
}

/**
 * The kinds of spans that write an entry. `caused`: a `send` of which causes are stated; `continued`: the one event being handled is among
 * them, which the entry names in either case.
 */
export type WriteKind = "send" | "caused" | "continued" | "create" | "dead";

const seedOf: Readonly<Record<WriteKind, number>> = { send: 11, caused: 12, continued: 13, create: 14, dead: 15 };

/** The id of a span that writes an event: a hash over the event, crossed with the parent's id, or with nothing at a root. */
export class WriteIdentity implements SpanIdentity {
  readonly #kind: WriteKind;
  readonly #eventId: string;

  constructor(kind: WriteKind, eventId: string) {
    this.#kind = kind;
    this.#eventId = eventId;
  }

  spanId(traceId: string, parentSpanId: string): string {
    const crossed = this.parentOf(traceId, parentSpanId);
    // A parent that equals the hash would give no id; 1 in 2^64.
    return crossed === "" ? "0000000000000001" : crossed;
  }

  /** The parent's id, out of the span's own; "" where the span is a root. The way there is the way back. */
  parentOf(traceId: string, spanId: string): string {
    const { high, low } = new Hash(seedOf[this.#kind]).add(this.#eventId).add(traceId, hashedFrom).end();
    const first = (high ^ wordOf(spanId, 0)) >>> 0;
    const second = (low ^ wordOf(spanId, 8)) >>> 0;
    return first === 0 && second === 0 ? "" : hexOf(first, second);
  }
}

function wordOf(spanId: string, at: number): number {
  return spanId === "" ? 0 : wordAt(spanId, at);
}
