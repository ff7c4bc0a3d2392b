/** A connection to a venue: hello and welcome, frames one after the other, heartbeats, and the reason of its end. */

import { WebSocket } from "ws";
import {
  type Garbage,
  type Hello,
  maxFrameBytes,
  parseVenueFrame,
  protocolVersion,
  type VenueFrame,
  type Welcome,
} from "../../trading/venue/protocol.ts";

/** The venue ended the connection, or would not open it. */
export class VenueRefusal extends Error {
  /** Its own word for why. */
  readonly code: string;

  constructor(venue: string, code: string, reason: string) {
    super(`venue "${venue}" ends the session (${code}): ${reason}`);
    this.code = code;
  }
}

export interface VenueAddress {
  readonly name: string;
  /** ws://host:port */
  readonly url: string;
}

/** Longest time from the beginning of a connection to its welcome, ms. */
const welcomeMs = 5_000;
const silentHeartbeats = 3;
/** With so many frames that nobody has taken, nothing is read. */
const maxWaiting = 64;
const binary: Garbage = { type: "garbage", reason: "the frame is binary" };

export class VenueLink implements AsyncDisposable {
  readonly welcome: Welcome;
  readonly #socket: WebSocket;
  readonly #frames: VenueFrame[];
  readonly #end: { error?: Error };
  readonly #beating: NodeJS.Timeout;
  /** Heartbeats of ours since something has come. Not a time: a process that stood still itself has not read yet what has come meanwhile. */
  #silentBeats = 0;
  #wake: (() => void) | undefined;

  private constructor(
    venue: string,
    welcome: Welcome,
    socket: WebSocket,
    frames: VenueFrame[],
    end: { error?: Error },
  ) {
    this.welcome = welcome;
    this.#socket = socket;
    this.#frames = frames;
    this.#end = end;
    socket.on("message", () => {
      this.#silentBeats = 0;
      if (frames.length >= maxWaiting) socket.pause();
      this.#wake?.();
    });
    socket.once("close", () => this.#wake?.());
    const { heartbeatMs } = welcome;
    this.#beating = setInterval(() => {
      if (socket.isPaused) this.#silentBeats = 0;
      if (this.#silentBeats++ >= silentHeartbeats) {
        end.error ??= new VenueRefusal(venue, "silent", `nothing has come for ${silentHeartbeats * heartbeatMs} ms`);
        socket.terminate();
      } else this.send({ type: "heartbeat" });
    }, heartbeatMs);
  }

  /** Resolves when the venue has welcomed the session. @throws {VenueRefusal} @throws the signal's reason */
  static async open(
    { name, url }: VenueAddress,
    hello: Omit<Hello, "type" | "protocol">,
    signal: AbortSignal,
  ): Promise<VenueLink> {
    signal.throwIfAborted();
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: welcomeMs,
      maxPayload: 4 * maxFrameBytes,
    });
    const frames: VenueFrame[] = [];
    const end: { error?: Error } = {};
    const welcomed = Promise.withResolvers<Welcome>();
    socket.on("open", () => socket.send(JSON.stringify({ type: "hello", protocol: protocolVersion, ...hello })));
    socket.on("error", (error) => {
      end.error ??= new Error(`venue "${name}" at ${url} is away: ${error.message}`, { cause: error });
    });
    socket.on("message", (data, isBinary) => {
      const frame = isBinary ? binary : parseVenueFrame(data.toString());
      if (frame.type === "garbage" || frame.type === "refused") {
        const code = frame.type === "garbage" ? frame.type : frame.code;
        end.error ??= new VenueRefusal(name, code, frame.reason);
        socket.terminate();
      } else if (frame.type === "welcome") welcomed.resolve(frame);
      else frames.push(frame);
    });
    socket.once("close", (code) => {
      end.error ??= new Error(`venue "${name}" has closed the connection (${code})`);
      welcomed.reject(end.error);
    });
    const cut = (): void => {
      end.error ??= signal.reason as Error;
      socket.terminate();
    };
    signal.addEventListener("abort", cut, { once: true });
    const timer = setTimeout(() => {
      end.error ??= new Error(`venue "${name}" at ${url} has not welcomed the session within ${welcomeMs} ms`);
      socket.terminate();
    }, welcomeMs);
    try {
      const welcome = await welcomed.promise;
      if (welcome.venue !== name) {
        throw new VenueRefusal(name, "another", `at ${url} is venue "${welcome.venue}"`);
      }
      return new VenueLink(name, welcome, socket, frames, end);
    } catch (error) {
      socket.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cut);
    }
  }

  send(frame: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** The frames that come, until the connection ends. @throws the reason of its end */
  async *frames(): AsyncGenerator<VenueFrame, void, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        if (this.#frames.length < maxWaiting / 2 && this.#socket.isPaused) this.#socket.resume();
        yield frame;
      } else if (this.#socket.readyState === this.#socket.CLOSED || this.#end.error !== undefined) {
        throw this.#end.error ?? new Error("the connection has ended");
      } else {
        await new Promise<void>((done) => {
          this.#wake = done;
        });
      }
    }
  }

  /** Cuts the connection; whoever waits for frames gets the reason. */
  cut(reason: Error): void {
    this.#end.error ??= reason;
    this.#socket.terminate();
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beating);
    this.cut(new Error("the connection was closed"));
  }
}
