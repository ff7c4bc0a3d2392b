/** The venue's session protocol (docs/reference/venue-protocol.md): JSON text frames, and what is refused. */

import { z } from "zod";
import { fieldsOnly } from "../domain/fields.ts";
import { type VenueReport, VenueRequest } from "../domain/venue.ts";
import type { Direction, SessionFence } from "./commands.ts";

export const protocolVersion = 1;

/** Most requests, and most reports, in one frame. */
export const maxInFrame = 1_000;

/** Longest frame, bytes. */
export const maxFrameBytes = 1_048_576;

export interface Hello {
  readonly type: "hello";
  readonly protocol: number;
  readonly client: string;
  readonly partition: number;
  readonly direction: Direction;
  readonly fence: SessionFence;
  /** The journal of which the client has reports. */
  readonly journal?: string;
  /** The number of the first report that is wanted; only where the direction is `reports`. */
  readonly from?: number;
}

/** What a client sends. */
export type ClientFrame =
  | Hello
  /** `first` is the number of the first request. */
  | { readonly type: "requests"; readonly first: number; readonly requests: readonly unknown[] }
  | { readonly type: "heartbeat" };

export interface Welcome {
  readonly type: "welcome";
  readonly protocol: number;
  readonly venue: string;
  readonly journal: string;
  readonly heartbeatMs: number;
  /** The numbers of the last request that was taken, and of the last report. */
  readonly requests: number;
  readonly reports: number;
}

/** What the venue sends. */
export type VenueFrame =
  | Welcome
  /** All requests up to this number are on the venue's disk, but those that are refused for ever. */
  | {
      readonly type: "taken";
      readonly requests: number;
      readonly refused?: readonly { readonly request: number; readonly reason: string }[];
    }
  | { readonly type: "reports"; readonly first: number; readonly reports: readonly VenueReport[] }
  /** The number of the last report. */
  | { readonly type: "heartbeat"; readonly reports: number }
  /** The connection ends. The code is one of `closeCodes`, or of a later venue. */
  | { readonly type: "refused"; readonly code: string; readonly reason: string };

/** The codes of a connection that the venue ends, by the name of the reason. */
export const closeCodes = {
  garbage: 4400,
  fenced: 4403,
  silent: 4408,
  replaced: 4409,
  gap: 4416,
  future: 4417,
  journal: 4421,
  full: 4429,
} as const;

export type RefusalCode = keyof typeof closeCodes;

const whole = (least: number) => z.int().min(least);
const clientName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);

const Frame: z.ZodType<ClientFrame> = z.discriminatedUnion("type", [
  fieldsOnly({
    type: z.literal("hello"),
    protocol: whole(1),
    client: clientName,
    partition: whole(0).max(65_535),
    direction: z.enum(["requests", "reports"]),
    fence: fieldsOnly({ epoch: whole(0), token: z.string().min(1).max(128) }),
    journal: z.string().min(1).max(64).optional(),
    from: whole(1).optional(),
  }),
  fieldsOnly({
    type: z.literal("requests"),
    first: whole(1),
    requests: z.array(z.unknown()).min(1).max(maxInFrame),
  }),
  fieldsOnly({ type: z.literal("heartbeat") }),
]) as z.ZodType<ClientFrame>;

/** Frames of a later venue may have more fields. */
const SentFrame: z.ZodType<VenueFrame> = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("welcome"),
    protocol: whole(1),
    venue: z.string(),
    journal: z.string(),
    heartbeatMs: whole(10),
    requests: whole(0),
    reports: whole(0),
  }),
  z.looseObject({
    type: z.literal("taken"),
    requests: whole(0),
    refused: z.array(z.looseObject({ request: whole(1), reason: z.string() })).exactOptional(),
  }),
  // The reports are looked at one by one, so that a bad one is known by its number.
  z.looseObject({ type: z.literal("reports"), first: whole(0), reports: z.array(z.custom<VenueReport>()) }),
  z.looseObject({ type: z.literal("heartbeat"), reports: whole(0) }),
  z.looseObject({ type: z.literal("refused"), code: z.string(), reason: z.string() }),
]);

/** What came in place of a frame, and why it is none. */
export interface Garbage {
  readonly type: "garbage";
  readonly reason: string;
}

/** A frame of a client, or the reason why it is none. */
export function parseFrame(text: string): ClientFrame | Garbage {
  return parsedBy(Frame, text);
}

/** A frame of a venue, or the reason why it is none. */
export function parseVenueFrame(text: string): VenueFrame | Garbage {
  return parsedBy(SentFrame, text);
}

function parsedBy<T>(schema: z.ZodType<T>, text: string): T | Garbage {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    return { type: "garbage", reason: "the frame is no JSON" };
  }
  const parsed = schema.safeParse(written);
  return parsed.success
    ? parsed.data
    : { type: "garbage", reason: `the frame is none of the protocol: ${issuesOf(parsed.error)}` };
}

/** A request, or the reason why it is none. */
export function parseRequest(written: unknown): { readonly request: VenueRequest } | { readonly reason: string } {
  const parsed = VenueRequest.safeParse(written);
  return parsed.success ? { request: parsed.data } : { reason: issuesOf(parsed.error) };
}

function issuesOf({ issues }: z.ZodError): string {
  const texts = issues.slice(0, 3).map(({ path, message }) => `${path.join(".")} ${message}`.trim());
  return texts.join("; ").slice(0, 200);
}
