/** A namespace in Redis that a run writes into, over a connection of its own. */

import { capOf } from "../../model/retention-policy.ts";
import type { Catalogue } from "../../ports/inspect.ts";
import type { NamespaceUse, TargetOpening, TargetSpace } from "../../ports/replay-target.ts";
import { Connection, type ConnectionOptions } from "../client/connection.ts";
import { RedisInspector } from "../inspect/inspector.ts";
import { Keys } from "../keys.ts";
import { namespaceUse, openForReplay } from "./replay-namespace.ts";
import { RedisReplayTarget } from "./replay-target.ts";

/** The target of one run. Connects at the first call. */
export class RedisTargetSpace implements TargetSpace {
  readonly #connection: Connection;
  readonly #inspector: RedisInspector;
  readonly #keys: Keys;

  /** Refuses a URL that cannot be read. @throws {ConfigError} */
  constructor(options: ConnectionOptions & { readonly namespace: string }) {
    this.#keys = new Keys(options.namespace);
    this.#connection = new Connection({ ...options, key: this.#keys.meta() });
    this.#inspector = new RedisInspector(options);
  }

  use(channels: readonly string[]): Promise<NamespaceUse> {
    return namespaceUse(this.#connection, this.#keys, channels);
  }

  catalogue(): Promise<Catalogue | undefined> {
    return this.#inspector.catalogue();
  }

  async openTarget(opening: TargetOpening): Promise<RedisReplayTarget> {
    const { run, partitions } = opening;
    await openForReplay(this.#connection, this.#keys, opening);
    const retentions = (await this.catalogue())?.retention ?? new Map();
    const caps = new Map([...retentions].flatMap(([name, one]) => (one.hardCap === 0 ? [] : [[name, capOf(one)]])));
    return new RedisReplayTarget(this.#connection, { keys: this.#keys, run, partitions, caps });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#inspector[Symbol.asyncDispose]();
  }
}
