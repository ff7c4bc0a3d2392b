/** Reads and writes the `stories` field of an entry: the sampled stories that an event of several belongs to, with the ids of each. */

import type { Attributes, SpanContext } from "@opentelemetry/api";
import { isBaggageKey } from "./baggage-key.ts";
import { type Baggage, type CarrierLimits, noBaggage } from "./carrier.ts";
import { printableAscii, spanContextOf } from "./trace-context.ts";

/** A sampled story of an event. */
export interface Story {
  /** The span that the story's spans of this event hang on. Undefined for the first one: that story is the entry's own trace. */
  readonly origin: SpanContext | undefined;
  /** The story's own values of keys of which the event has several values. */
  readonly ids: Baggage;
}

/** Most stories of an event. Beyond it the last ones end at this event. */
export const maxStories = 128;
/** Longest field, bytes. A longer one is dropped whole. */
const maxStoriesBytes = 32_768;
const maxIds = 16;

const noStories: readonly Story[] = Object.freeze([]);

/**
 * Encodes the stories, the entry's own first, as many as the limits take. Empty where there is nothing to say: one story, without ids that
 * only it has.
 */
export function encodeStories(stories: readonly Story[], { maxBaggageValueBytes }: CarrierLimits): string {
  let text = "";
  for (let i = 0; i < stories.length && i < maxStories; i++) {
    const { origin, ids } = stories[i] as Story;
    let story = i === 0 ? "" : `,${origin?.traceId}-${origin?.spanId}`;
    let count = 0;
    for (const [key, value] of ids) {
      if (!value.isWellFormed() || count === maxIds) continue;
      const encoded = encodeURIComponent(value);
      if (encoded.length > maxBaggageValueBytes) continue;
      story += `;${key}=${encoded}`;
      count += 1;
    }
    if (text.length + story.length > maxStoriesBytes) break;
    text += story;
  }
  return text;
}

/** Decodes the field. One that breaks a limit or the format is dropped whole: `onRejected` is told. */
export function decodeStories(
  text: string,
  { maxBaggageValueBytes }: CarrierLimits,
  onRejected: () => void,
): readonly Story[] {
  if (text === "") return noStories;
  const stories =
    text.length > maxStoriesBytes || !printableAscii.test(text) ? undefined : decode(text, maxBaggageValueBytes);
  if (stories !== undefined) return stories;
  onRejected();
  return noStories;
}

function decode(text: string, maxValueBytes: number): readonly Story[] | undefined {
  const parts = text.split(",", maxStories + 1);
  if (parts.length > maxStories) return undefined;
  const stories: Story[] = [];
  for (const part of parts) {
    const [span = "", ...members] = part.split(";", maxIds + 2);
    const origin = span === "" ? undefined : spanContextOf(`00-${span}-01`);
    if ((origin === undefined) !== (stories.length === 0) || members.length > maxIds) return undefined;
    const ids = idsOf(members, maxValueBytes);
    if (ids === undefined) return undefined;
    stories.push({ origin, ids });
  }
  return stories;
}

function idsOf(members: readonly string[], maxValueBytes: number): Baggage | undefined {
  if (members.length === 0) return noBaggage;
  const ids = new Map<string, string>();
  for (const member of members) {
    const equals = member.indexOf("=");
    const key = member.slice(0, Math.max(equals, 0));
    const encoded = member.slice(equals + 1);
    if (!isBaggageKey(key) || encoded === "" || encoded.length > maxValueBytes) return undefined;
    try {
      ids.set(key, encoded.includes("%") ? decodeURIComponent(encoded) : encoded);
    } catch {
      return undefined; // a malformed percent escape
    }
  }
  return ids;
}

/** Gives a span of a story the ids of that story alone, where its event has those of several, or too many to carry. */
export function applyIds(attributes: Attributes, ids: Baggage | undefined): void {
  if (ids === undefined) return;
  for (const [key, value] of ids) {
    const present = attributes[key];
    if (present === undefined || Array.isArray(present)) attributes[key] = value;
  }
}
