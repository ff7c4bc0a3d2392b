/** One connection to the venue: a direction of a session, from its hello to its end. */

import type { Log } from "throughline";
import type { RawData, WebSocket } from "ws";
import { helloTwice, refusalOf } from "./admission.ts";
import type { Direction } from "./commands.ts";
import type { RefusedRequest, VenueCore } from "./core.ts";
import type { SessionState } from "./engine.ts";
import {
  closeCodes,
  type Hello,
  maxInFrame,
  parseFrame,
  parseRequest,
  protocolVersion,
  type RefusalCode,
  type VenueFrame,
} from "./protocol.ts";

export interface ConnectionContext {
  readonly core: VenueCore;
  readonly venue: string;
  readonly heartbeatMs: number;
  /** The connections that have been welcomed, by session and direction. */
  readonly current: Map<SessionState, Partial<Record<Direction, Connection>>>;
  readonly log: Log;
}

/** With more that waits to be read, no more reports are sent. */
const maxUnsentBytes = 1_048_576;
/** A connection from which nothing has come in so many heartbeats is given up. */
const silentHeartbeats = 3;

export class Connection {
  readonly #socket: WebSocket;
  readonly #context: ConnectionContext;
  #opened: { readonly session: SessionState; readonly direction: Direction } | undefined;
  #isWelcome = false;
  #hasEnded = false;
  /** The number of the next report to send. */
  #next = 1;
  /** The number of the last request that the client was told of. */
  #told = 0;
  #refused: RefusedRequest[] = [];
  /** Heartbeats since something has come. Not a time: a venue that stood still itself has not read yet what has come meanwhile. */
  #silentBeats = 0;

  constructor(socket: WebSocket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    socket.on("message", (frame, isBinary) => this.#take(frame, isBinary));
    socket.on("error", (error) => context.log.info({ error: error.message }, "a client's connection failed"));
    socket.once("close", () => this.#leave());
  }

  /** More of the session is on the disk. */
  released(): void {
    if (this.#opened === undefined || !this.#isWelcome) return;
    if (this.#opened.direction === "reports") this.#pump(this.#opened.session);
    else this.#tell(this.#opened.session);
  }

  heartbeat(): void {
    const { core, heartbeatMs } = this.#context;
    if (this.#silentBeats++ >= silentHeartbeats) {
      this.#refuse("silent", `nothing has come for ${silentHeartbeats} heartbeats of ${heartbeatMs} ms`);
      this.#socket.terminate(); // whoever is silent answers no close either
    } else if (this.#opened !== undefined && this.#isWelcome) {
      this.#send({ type: "heartbeat", reports: core.released(this.#opened.session).reports });
    }
  }

  replace(code: "fenced" | "replaced", reason: string): void {
    this.#refuse(code, reason);
  }

  #take(frame: RawData, isBinary: boolean): void {
    if (this.#hasEnded) return;
    this.#silentBeats = 0;
    const parsed = isBinary
      ? ({ type: "garbage", reason: "the frame is binary" } as const)
      : parseFrame(frame.toString());
    if (parsed.type === "garbage") this.#refuse("garbage", parsed.reason);
    else if (parsed.type === "hello") this.#hello(parsed);
    else if (parsed.type === "requests") this.#requests(parsed.first, parsed.requests);
  }

  #hello(hello: Hello): void {
    const { core, current } = this.#context;
    const refusal = this.#opened === undefined ? refusalOf(hello, core) : helloTwice;
    if (refusal !== undefined) {
      this.#refuse(refusal.code, refusal.reason);
      return;
    }
    const { client, partition, direction, fence, from = 1 } = hello;
    const session = core.session(client, partition);
    const known = session.fences[direction];
    const isNew = known === undefined || known.epoch < fence.epoch;
    const connections = current.get(session) ?? {};
    const before = connections[direction];
    this.#opened = { session, direction };
    this.#next = from;
    current.set(session, connections);
    connections[direction] = this;
    if (isNew) before?.replace("fenced", `an owner of epoch ${fence.epoch} has taken the session`);
    else before?.replace("replaced", "the same owner has opened the session again");
    // A new fence is on the disk before its owner hears of it: a venue that is killed then still refuses the older one.
    const kept = isNew ? core.fence(session, direction, fence) : Promise.resolve();
    kept.then(
      () => this.#welcome(session),
      () => this.#socket.terminate(),
    );
  }

  #welcome(session: SessionState): void {
    if (this.#hasEnded) return;
    const { core, venue, heartbeatMs } = this.#context;
    const { reports } = core.released(session);
    this.#isWelcome = true;
    this.#told = session.requests;
    this.#send({
      ...{ type: "welcome", protocol: protocolVersion, venue, journal: core.journalId, heartbeatMs },
      ...{ requests: session.requests, reports },
    });
    this.released();
  }

  #requests(first: number, requests: readonly unknown[]): void {
    const { core } = this.#context;
    if (this.#opened?.direction !== "requests" || !this.#isWelcome) {
      this.#refuse("garbage", "requests come after the welcome, in a session that was opened for them");
      return;
    }
    const { session } = this.#opened;
    const expected = session.requests + 1;
    if (first > expected) {
      this.#refuse("gap", `request ${first} came, and ${expected} was expected`);
      return;
    }
    for (const [index, written] of requests.entries()) {
      const request = first + index;
      if (request < expected) continue; // sent again
      const parsed = parseRequest(written);
      if ("reason" in parsed) {
        core.skip(session, request);
        this.#refused.push({ request, reason: `no request: ${parsed.reason}` });
      } else {
        const refused = core.take(session, request, parsed.request);
        if (refused !== undefined) this.#refused.push(refused);
      }
    }
    this.#tell(session);
  }

  /** Tells which requests are on the disk. */
  #tell(session: SessionState): void {
    const { requests } = this.#context.core.released(session);
    if (requests <= this.#told) return;
    this.#told = requests;
    const refused = this.#refused.filter(({ request }) => request <= requests);
    if (refused.length === 0) this.#send({ type: "taken", requests });
    else {
      this.#refused = this.#refused.filter(({ request }) => request > requests);
      this.#send({ type: "taken", requests, refused });
    }
  }

  /** Sends the reports that the client has not got, as far as it reads them. */
  #pump(session: SessionState): void {
    const { core } = this.#context;
    const { reports: last } = core.released(session);
    while (this.#next <= last && this.#socket.bufferedAmount < maxUnsentBytes && !this.#hasEnded) {
      const first = this.#next;
      this.#next = Math.min(last + 1, first + maxInFrame);
      const reports = core.reportsOf(session, first, this.#next);
      this.#send({ type: "reports", first, reports }, this.#next <= last ? () => this.#pump(session) : undefined);
    }
  }

  #send(frame: VenueFrame, sent?: () => void): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame), sent && (() => sent()));
  }

  #refuse(code: RefusalCode, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#context.log.info({ ...this.#name(), code, reason }, "the venue ends a connection");
    this.#send({ type: "refused", code, reason });
    this.#socket.close(closeCodes[code], code);
    this.#leave();
  }

  #leave(): void {
    this.#hasEnded = true;
    if (this.#opened === undefined) return;
    const { session, direction } = this.#opened;
    const connections = this.#context.current.get(session);
    if (connections?.[direction] === this) delete connections[direction];
  }

  #name(): object {
    if (this.#opened === undefined) return {};
    const { session, direction } = this.#opened;
    return { client: session.client, partition: session.partition, direction };
  }
}
