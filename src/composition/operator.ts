/**
 * The composition root of the operator's side: lists, redrives and purges dead letters. It runs no handlers and
 * publishes nothing.
 */

import { type DeadLetterScope, type DeadLetters, StoredDeadLetters } from "../inspect/dead-letters/dead-letters.ts";
import { Keys } from "../redis/keys.ts";
import { RedisDeadLetterStore } from "../redis/store/dead-letter-store.ts";
import { openConnection } from "./connection.ts";
import { type ObserverOptions, openInspector } from "./observer.ts";

export interface Operator extends AsyncDisposable {
  deadLetters(scope?: DeadLetterScope): DeadLetters;
}

/**
 * Opens the operator's side of a namespace. Connects at the first call; every call fails with a `StoreError` when Redis
 * is away for some seconds.
 * @throws {ConfigError}
 */
export function openOperator(options: ObserverOptions): Operator {
  const { namespace } = options;
  const inspector = openInspector(options);
  const connection = openConnection(options, "operate");
  const store = new RedisDeadLetterStore(connection, new Keys(namespace));
  return {
    deadLetters: (scope = {}) => new StoredDeadLetters(inspector, store, scope),
    [Symbol.asyncDispose]: async () => {
      store.close();
      connection.close();
      await inspector[Symbol.asyncDispose]();
    },
  };
}
