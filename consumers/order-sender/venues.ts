/** The venues that an Order Sender is configured with, and its sessions with them. */

import { ConfigError, type Log } from "throughline";
import type { VenueRequest } from "../../trading/domain/index.ts";
import { type Fence, RequestSession } from "./request-session.ts";
import type { VenueAddress } from "./venue-link.ts";

/** Sends requests to venues. */
export interface VenueRequests {
  knows(venue: string): boolean;
  /** Resolves when the request is on the venue's disk. */
  send(venue: string, partition: number, request: VenueRequest, fence: Fence, signal: AbortSignal): Promise<void>;
}

/** Takes everything and sends nothing: for replays, which must reach no venue. */
export const noVenues: VenueRequests = { knows: () => true, send: async () => undefined };

/** @throws {ConfigError} on what is no list of `name=ws://host:port` */
export function venueList(text: string): readonly VenueAddress[] {
  const venues = text.split(",").map((one) => {
    const equals = one.indexOf("=");
    const name = one.slice(0, equals).trim();
    const url = one.slice(equals + 1).trim();
    if (equals < 1 || !/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      throw new ConfigError(`"${one}" names no venue: say NAME=ws://HOST:PORT, with a name of a-z, 0-9 and "-"`);
    }
    if (!/^wss?:$/.test(URL.parse(url)?.protocol ?? "")) {
      throw new ConfigError(`the address of venue "${name}" is "${url}"; it must be like ws://127.0.0.1:9470`);
    }
    return { name, url };
  });
  const names = new Set(venues.map(({ name }) => name));
  if (names.size < venues.length) throw new ConfigError(`"${text}" names a venue twice`);
  return venues;
}

export class VenueSessions implements VenueRequests, AsyncDisposable {
  readonly #venues: ReadonlyMap<string, VenueAddress>;
  readonly #client: string;
  readonly #log: Log;
  readonly #sessions = new Map<string, RequestSession>();

  constructor(venues: readonly VenueAddress[], client: string, log: Log) {
    this.#venues = new Map(venues.map((venue) => [venue.name, venue]));
    this.#client = client;
    this.#log = log;
  }

  knows(venue: string): boolean {
    return this.#venues.has(venue);
  }

  send(name: string, partition: number, request: VenueRequest, fence: Fence, signal: AbortSignal): Promise<void> {
    const key = `${name}/${partition}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      const venue = this.#venues.get(name);
      if (venue === undefined) throw new ConfigError(`no venue "${name}" is configured`);
      session = new RequestSession({ venue, client: this.#client, partition, log: this.#log });
      this.#sessions.set(key, session);
    }
    return session.send(request, fence, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session[Symbol.asyncDispose]()));
  }
}
