/** Carries out the faults of a schedule on the desk, the Redis and the connections between them. */

import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { PrivateRedis } from "../../src/local-redis/private-server.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import type { FactOf } from "../checker/history.ts";
import type { Pipe } from "../support/pipe.ts";
import type { Proxy as FaultyProxy } from "../support/proxy.ts";
import type { VenueProcess } from "../trading/venue/venue-process.ts";
import type { Desk } from "./desk.ts";
import type { ClusterFault, DeskFault, Fault } from "./schedule.ts";
import { lastEntryIds, noEntry } from "./survived.ts";

export interface ServerParts {
  readonly desk: Desk;
  readonly redis: PrivateRedis;
  readonly proxy: FaultyProxy;
  readonly venue: VenueProcess;
  /** Between the Order Senders and the venue. */
  readonly sessions: Pipe;
  /** Bare, and past the proxy. */
  readonly client: Redis;
  readonly appendfsync: Appendfsync;
  /** The channel of each stream. */
  readonly streams: ReadonlyMap<string, string>;
}

/**
 * With `always` a killed Redis has all that it has acknowledged. With `everysec` an fsync that stalls, as one may while the log is rewritten, leaves
 * up to two seconds of it unwritten (docs/reference/guarantees.md): what that took is looked up after each kill, and is no loss of ours.
 */
export type Appendfsync = "always" | "everysec";

export async function setAppendfsync(client: Redis, appendfsync: Appendfsync): Promise<void> {
  await client.config("SET", "appendfsync", appendfsync);
}

/** Resolves when the fault is over. */
export function strikeDesk(desk: Desk, fault: DeskFault): Promise<void> {
  switch (fault.kind) {
    case "kill":
      return desk.kill(fault.seat, fault.awayMs);
    case "terminate":
      return desk.terminate(fault.seat, fault.awayMs);
    case "stop":
      return desk.stop(fault.seat, fault.awayMs);
    case "deploy":
      return desk.deploy(fault.component);
  }
}

/** Runs faults that concern the same thing (the server, the proxy, a member) one after the other. */
export class Faults {
  /** The entries that each killed Redis has lost, one loss for every channel. */
  readonly losses: FactOf<"loss">[] = [];
  readonly #parts: ServerParts;
  #server: Promise<void> = Promise.resolve();
  #network: Promise<void> = Promise.resolve();
  #venue: Promise<void> = Promise.resolve();

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** Resolves when the fault is over: killed processes run again, and cut connections are restored. */
  strike(fault: Exclude<Fault, ClusterFault>): Promise<void> {
    switch (fault.kind) {
      case "kill":
      case "terminate":
      case "stop":
      case "deploy":
        return strikeDesk(this.#parts.desk, fault);
      case "redisKill":
      case "redisStop":
      case "pause":
      case "clientKill":
      case "scriptFlush": {
        this.#server = this.#server.then(() => this.#strikeServer(fault));
        return this.#server;
      }
      case "venueKill":
      case "venueStop":
      case "venueCut": {
        this.#venue = this.#venue.then(() => this.#strikeVenue(fault));
        return this.#venue;
      }
      case "cut":
      case "refuse":
      case "blackHole":
      case "delay": {
        this.#network = this.#network.then(() => this.#strikeNetwork(fault));
        return this.#network;
      }
    }
  }

  async #strikeServer(
    fault: Extract<Fault, { kind: "redisKill" | "redisStop" | "pause" | "clientKill" | "scriptFlush" }>,
  ): Promise<void> {
    const { redis, client } = this.#parts;
    switch (fault.kind) {
      case "redisKill":
        await redis.kill("SIGKILL");
        await Promise.all([pause(fault.awayMs), this.#noteLoss()]);
        await redis.restart();
        await setAppendfsync(client, this.#parts.appendfsync);
        break;
      case "redisStop":
        await redis.kill("SIGSTOP");
        await pause(fault.awayMs);
        await redis.kill("SIGCONT");
        break;
      case "pause":
        await client.call("CLIENT", "PAUSE", fault.awayMs, fault.mode);
        await pause(fault.awayMs);
        break;
      case "clientKill":
        await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        break;
      case "scriptFlush":
        await client.script("FLUSH");
        break;
    }
  }

  /** Between a kill and the restart. */
  async #noteLoss(): Promise<void> {
    const { redis, appendfsync, streams } = this.#parts;
    if (appendfsync === "always") return;
    const upTo = `${Date.now()}-${2n ** 64n - 1n}`;
    const ids = await lastEntryIds(redis.directory, streams.keys());
    // A fact tells of a channel: from the earliest of its partitions on. One that has nothing was most likely never used.
    const earliest = new Map<string, string>();
    for (const [stream, channel] of streams) {
      const id = ids.get(stream) ?? noEntry;
      const known = earliest.get(channel) ?? noEntry;
      if (known === noEntry || (id !== noEntry && compareIds(id, known) < 0)) earliest.set(channel, id);
    }
    for (const [channel, after] of earliest) this.losses.push({ fact: "loss", channel, after, upTo });
  }

  async #strikeVenue(fault: Extract<Fault, { kind: "venueKill" | "venueStop" | "venueCut" }>): Promise<void> {
    const { venue, sessions } = this.#parts;
    switch (fault.kind) {
      case "venueKill":
        await venue.kill();
        await pause(fault.awayMs);
        await venue.restart();
        break;
      case "venueStop":
        venue.process.kill("SIGSTOP");
        await pause(fault.awayMs);
        venue.process.kill("SIGCONT");
        break;
      case "venueCut":
        sessions.cut();
    }
  }

  async #strikeNetwork(fault: Extract<Fault, { kind: "cut" | "refuse" | "blackHole" | "delay" }>): Promise<void> {
    const { proxy } = this.#parts;
    switch (fault.kind) {
      case "cut":
        proxy.cut({ server: !fault.isHalf });
        return;
      case "refuse":
        proxy.refuse();
        break;
      case "blackHole":
        proxy.blackHole();
        break;
      case "delay":
        proxy.delay("toClient", fault.delayMs);
        break;
    }
    await pause(fault.awayMs);
    proxy.heal();
  }
}
