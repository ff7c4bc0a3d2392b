/** The map of a cluster: which node has which slots, as one of its nodes tells it. */

import { StoreError } from "../../model/errors.ts";
import type { RedisAddress } from "./address.ts";
import { Conversation } from "./conversation.ts";
import { isForGood } from "./failures.ts";
import { openSocket } from "./open-socket.ts";
import { HandshakeRefusedError, WrongServerError } from "./refusals.ts";
import type { RespReply } from "./resp-reply.ts";

/** Longest wait for one node's answer, ms. */
const nodeTimeoutMs = 1_000;
/** Time after which a look-up asks no further node, ms. */
const lookUpTimeoutMs = 5_000;
/** Least time between two look-ups, ms: all connections that look for their node share one. */
const lookEveryMs = 100;

type Node = Pick<RedisAddress, "host" | "port">;

/** Slots that follow each other and have the same nodes. */
interface SlotRange {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  /** The primary first. */
  readonly nodes: readonly Node[];
}

/**
 * Holds no connection between two look-ups. The client library's own cluster client is not used for them: it notes the nodes of each slot
 * by itself, and every look-up held the process up for ten milliseconds, four times a second while a node was away.
 */
export class ClusterMap {
  readonly #given: readonly RedisAddress[];
  #ranges: readonly SlotRange[] = [];
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
    const primary = this.#ranges.find(({ from, to }) => from <= slot && slot <= to)?.nodes[0];
    if (primary === undefined) {
      this.#isOutdated = true;
      throw new StoreError(`no node of the cluster has slot ${slot}: not all of its slots are covered`);
    }
    return primary;
  }

  /** All that have slots. @throws {StoreError} where no node answers */
  async primaries(): Promise<readonly Node[]> {
    if (this.#isOutdated) await this.#look();
    return distinct(this.#ranges.flatMap(({ nodes }) => nodes.slice(0, 1)));
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Asks one node after the other, until one answers. */
  async #lookOnce(): Promise<void> {
    const waitMs = this.#lookedAt + lookEveryMs - performance.now();
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
    this.#lookedAt = performance.now();
    let reason: Error | undefined;
    for (const node of this.#known()) {
      if (performance.now() - this.#lookedAt > lookUpTimeoutMs) break;
      try {
        this.#ranges = await this.#ask(node);
        this.#isOutdated = false;
        return;
      } catch (error) {
        // Of several nodes one may be away and another have a certificate that does not hold: the latter is for good.
        if (reason === undefined || !isForGood(reason)) reason = error as Error;
      }
    }
    throw reason ?? new StoreError("no node of the cluster has answered");
  }

  /** In an order by chance: one that is cut off from the others may answer, and be wrong, the first time. */
  #known(): readonly Node[] {
    const known = distinct([...this.#given, ...this.#ranges.flatMap(({ nodes }) => nodes)]);
    return known
      .map((node) => ({ node, rank: Math.random() }))
      .sort((one, other) => one.rank - other.rank)
      .map(({ node }) => node);
  }

  async #ask(node: Node): Promise<readonly SlotRange[]> {
    const [login = {}] = this.#given;
    const socket = openSocket({ ...node, ...(login.tls && { tls: login.tls }) });
    // What happens to it after the conversation is of no interest.
    socket.on("error", () => undefined);
    const conversation = new Conversation(socket, nodeTimeoutMs);
    try {
      await conversation.greet(login);
      const ranges = rangesOf(await conversation.ask("CLUSTER", "SLOTS"), node);
      if (ranges.length === 0)
        throw new StoreError(`${node.host}:${node.port} knows of no slots: it is in no cluster yet`);
      return ranges;
    } catch (error) {
      if (error instanceof HandshakeRefusedError && /cluster support disabled/.test(error.message))
        throw new WrongServerError("this server is no node of a cluster: give it as `url` (REDIS_URL)", {
          cause: error,
        });
      throw error;
    } finally {
      conversation.end();
      socket.destroy();
    }
  }
}

/** Reads a reply to CLUSTER SLOTS. `asked`: the node that a range stands for which names no host. @throws on another reply */
function rangesOf(reply: RespReply, asked: Node): readonly SlotRange[] {
  return listOf(reply).map((range) => {
    const [from, to, ...nodes] = listOf(range);
    return { from: Number(from), to: Number(to), nodes: nodes.flatMap((node) => nodeOf(listOf(node), asked)) };
  });
}

function nodeOf([host, port]: readonly RespReply[], asked: Node): readonly Node[] {
  if (host === "?") return []; // it is to be known by a name, and has been told none
  return [{ host: host === null || host === "" ? (asked.host as string) : String(host), port: Number(port) }];
}

function listOf(reply: RespReply | undefined): readonly RespReply[] {
  if (!Array.isArray(reply)) throw new Error("the server's reply to CLUSTER SLOTS is none: is it a Redis?");
  return reply;
}

function distinct(nodes: readonly Node[]): readonly Node[] {
  return [...new Map(nodes.map(({ host = "", port = 6379 }) => [`${host}:${port}`, { host, port }])).values()];
}
