/** The map of a cluster, slot by slot, as one of its nodes tells it to the client library's own discovery. */

import type { Socket } from "node:net";
import { AbstractConnector, Cluster } from "ioredis";
import { StoreError } from "../../model/errors.ts";
import type { RedisAddress } from "./address.ts";
import { isConnectionLoss, isForGood } from "./failures.ts";
import { openSocket } from "./open-socket.ts";
import { HandshakeRefusedError, WrongServerError } from "./refusals.ts";

/** Longest wait for one node's answer, ms. */
const nodeTimeoutMs = 1_000;
/** Longest time for a look-up, ms. */
const lookUpTimeoutMs = 5_000;
/** Longest time for a socket to close in order, ms. */
const disconnectTimeoutMs = 200;
/** Least time between two look-ups, ms: all connections that look for their node share one. */
const lookEveryMs = 100;

type Node = Pick<RedisAddress, "host" | "port">;

/** Holds no connection between two look-ups. */
export class ClusterMap {
  readonly #given: readonly RedisAddress[];
  /** "<host>:<port>" of the primary by slot; undefined where no node has the slot. */
  #primaries: readonly (string | undefined)[] = [];
  /** All nodes that were known at the last look-up. */
  #known: readonly Node[] = [];
  #isOutdated = true;
  #looking: Promise<void> | undefined;
  /** On the monotonic clock. */
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(given: readonly RedisAddress[]) {
    this.#given = given;
  }

  outdated(): void {
    this.#isOutdated = true;
  }

  /** The primary that has the slot. @throws {StoreError} where no node answers, or none has the slot */
  async nodeOf(slot: number): Promise<Node> {
    if (this.#isOutdated) await this.#look();
    const primary = this.#primaries[slot];
    if (primary === undefined) {
      this.#isOutdated = true;
      throw new StoreError(`no node of the cluster has slot ${slot}: not all of its slots are covered`);
    }
    return nodeIn(primary);
  }

  /** All that have slots. @throws {StoreError} where no node answers */
  async primaries(): Promise<readonly Node[]> {
    if (this.#isOutdated) await this.#look();
    return [...new Set(this.#primaries)].flatMap((primary) => (primary === undefined ? [] : [nodeIn(primary)]));
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const waitMs = this.#lookedAt + lookEveryMs - performance.now();
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
    this.#lookedAt = performance.now();
    const [{ username, password, tls } = {}] = this.#given;
    const nodes = new Map(
      [...this.#given, ...this.#known].map(({ host = "", port = 6379 }) => [`${host}:${port}`, { host, port }]),
    );
    let [reason, socketFailure]: (Error | undefined)[] = [];
    const cluster = new Cluster([...nodes.values()], {
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      slotsRefreshTimeout: nodeTimeoutMs,
      clusterRetryStrategy: () => null,
      // By itself the client would resolve all names first: one that is unknown would hide every node, and a certificate would have to hold
      // for an address. Each connection resolves its own.
      dnsLookup: (name, found) => found(null, name),
      redisOptions: {
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...(tls !== undefined && { tls }),
        protocol: 2,
        connectTimeout: nodeTimeoutMs,
        disableClientInfo: true,
        enableReadyCheck: false,
        // Of several nodes one may be away and another have a certificate that does not hold: the latter is for good.
        Connector: connectorTelling((error) => {
          if (socketFailure === undefined || !isForGood(socketFailure)) socketFailure = error;
        }),
      },
    });
    cluster.on("error", () => undefined);
    cluster.on("node error", (error: Error) => {
      reason = error;
    });
    try {
      await soonEnough(cluster.connect());
      this.#primaries = Array.from(cluster.slots, (replicas) => replicas?.[0]);
      this.#known = cluster.nodes().map(({ options: { host = "", port = 6379 } }) => ({ host, port }));
      this.#isOutdated = false;
    } catch (error) {
      const told = reason ?? (error as Error);
      throw refusalOf((isConnectionLoss(told) && socketFailure) || told);
    } finally {
      cluster.disconnect();
    }
  }
}

/** Opens the client's sockets, and tells why one failed: the client itself says of each, even of a certificate that does not hold, that it was closed. */
function connectorTelling(failed: (error: Error) => void): new (options: unknown) => AbstractConnector {
  return class extends AbstractConnector {
    readonly #address: RedisAddress;

    constructor(options: unknown) {
      super(disconnectTimeoutMs);
      this.#address = options as RedisAddress;
    }

    override async connect(): Promise<Socket> {
      this.connecting = true;
      this.stream = openSocket(this.#address);
      this.stream.on("error", failed);
      return this.stream;
    }
  };
}

/** Rejects when nothing has been heard for longer than a look-up takes, however many nodes are away. */
async function soonEnough(connecting: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StoreError("no node of the cluster has answered")), lookUpTimeoutMs);
  try {
    await Promise.race([connecting, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function nodeIn(address: string): Node {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** The error of a look-up as a connection tells it: for good where another attempt would fail as well. */
function refusalOf(error: Error): Error {
  if (/cluster support disabled/.test(error.message))
    return new WrongServerError("this server is no node of a cluster: give it as `url` (REDIS_URL)", { cause: error });
  if (/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(error.message))
    return new HandshakeRefusedError("CLUSTER SLOTS", error.message);
  return error;
}
