/**
 * The composition root of the owner's side: prepares a namespace for users without that right, repairs channels, and
 * retires components. It runs no handlers.
 */

import { ThroughlineError } from "../model/errors.ts";
import { storeError } from "../redis/client/failures.ts";
import { repeatScript } from "../redis/client/run-script.ts";
import { Keys } from "../redis/keys.ts";
import { Namespace } from "../redis/namespace.ts";
import { type Repaired, repairChannel } from "../redis/store/channel-repair.ts";
import { RedisRetirer } from "../redis/store/retirer.ts";
import { loadPublishingScripts } from "../redis/store/script-loader.ts";
import { type Retirement, type RetireOptions, retire } from "../retention/retirement.ts";
import { openConnection, silenceMs } from "./connection.ts";
import { type ObserverOptions, openInspector } from "./observer.ts";

export interface Owner extends AsyncDisposable {
  /**
   * Describes the namespace where nobody has, adds these channels to the description, and loads the scripts that
   * producers run. May be called again. Resolves with the partition count. `partitions` default: the namespace's own
   * count, else 1.
   * @throws {ConfigError} where it has another count.
   * @throws {StoreError}
   */
  prepare(options?: { readonly partitions?: number; readonly channels?: readonly string[] }): Promise<number>;
  /**
   * Removes a component's groups, or with `channel` the one on it. Unfinished deliveries are then handled by nobody,
   * and retention keeps no entries for the component any more. Its state, settlement log and dead letters stay.
   * @throws {ConfigError} when there is nothing of it, or when it lives: its members would create the groups anew.
   * @throws {StoreError}
   */
  retire(component: string, options?: RetireOptions): Promise<Retirement>;
  /**
   * Repairs a channel that one of its publishers has spoiled. Entries far ahead of the clock get present ids; removed
   * entries are noted, so that `status` no longer reports them. Does not change a channel that is in order. Resolves with
   * one row a partition.
   * @throws {ConfigError} on a channel without a stream. @throws {StoreError} when the server cannot do it; nothing was changed then
   */
  repair(channel: string): Promise<readonly Repaired[]>;
}

/**
 * Opens the owner's side of a namespace. Connects at the first call; every call fails with a `StoreError` when Redis is
 * away for some seconds.
 * @throws {ConfigError}
 */
export function openOwner(options: ObserverOptions): Owner {
  const { namespace } = options;
  const inspector = openInspector(options);
  const keys = new Keys(namespace);
  const connection = openConnection(options, "own");
  return {
    prepare: async ({ partitions, channels = [] } = {}) => {
      const wanted = { count: partitions ?? 1, isRequired: partitions !== undefined };
      await inspector.catalogue(); // says why where Redis is away; what is opened below would wait, and then say only that
      const signal = AbortSignal.timeout(silenceMs);
      try {
        const opened = await Namespace.open(connection, keys, wanted, signal);
        await opened.claim((script, scriptKeys, args) => repeatScript(connection, script, scriptKeys, args, signal));
        const described = connection.at(keys.meta());
        // HSETNX keeps the retention that a component has written for the channel.
        for (const name of channels)
          await described.repeat(() => described.client.hsetnx(keys.meta(), `channel:${name}`, "1"), signal);
        for (let partition = 0; partition < opened.partitions; partition++) {
          const there = connection.at(keys.tag(partition));
          await there.repeat(() => loadPublishingScripts(there), signal);
        }
        await described.repeat(() => loadPublishingScripts(described), signal);
        return opened.partitions;
      } catch (error) {
        if (error instanceof ThroughlineError) throw error;
        throw storeError(`namespace "${namespace}" cannot be prepared`, error);
      }
    },
    retire: (component, options) => retire(inspector, new RedisRetirer(connection, keys), component, options),
    repair: async (channel) => {
      const partitions = (await inspector.catalogue())?.partitions ?? 1;
      return repairChannel({ connection, inspector, keys }, channel, partitions, AbortSignal.timeout(silenceMs));
    },
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await inspector[Symbol.asyncDispose]();
    },
  };
}
