/** The primary that Sentinels name, asked for each connection anew, by the client library's own connector. */

import type { Socket } from "node:net";
import { SentinelConnector } from "ioredis";
import { StoreError } from "../../model/errors.ts";
import type { RedisAddress } from "./address.ts";

/** Longest wait for one Sentinel, ms. */
const sentinelTimeoutMs = 1_000;

export class SentinelWatch {
  readonly sentinels: readonly RedisAddress[];
  readonly #name: string;
  readonly #primary: RedisAddress;

  /** `primary`: its TLS, if any; where it is the Sentinels say. */
  constructor(sentinels: readonly RedisAddress[], name: string, primary: RedisAddress) {
    this.sentinels = sentinels;
    this.#name = name;
    this.#primary = primary;
  }

  /** @throws {StoreError} where no Sentinel answers, or none names a primary */
  async open(): Promise<Socket> {
    const [{ username, password, tls } = {}] = this.sentinels;
    const connector = new SentinelConnector({
      sentinels: this.sentinels.map(({ host = "", port = 26_379 }) => ({ host, port })),
      name: this.#name,
      role: "master",
      connectTimeout: sentinelTimeoutMs,
      sentinelCommandTimeout: sentinelTimeoutMs,
      sentinelRetryStrategy: () => null,
      protocol: 2,
      ...(username !== undefined && { sentinelUsername: username }),
      ...(password !== undefined && { sentinelPassword: password }),
      ...(tls !== undefined && { sentinelTLS: tls }),
      ...(this.#primary.tls !== undefined && { tls: this.#primary.tls, enableTLSForSentinelMode: true }),
    });
    const reasons = new Set<string>();
    try {
      return (await connector.connect((_type, error) => reasons.add(reasonOf(error)))) as Socket;
    } catch (cause) {
      const details = reasons.size === 0 ? String(cause) : [...reasons].join("; ");
      throw new StoreError(`no Sentinel names a primary "${this.#name}": ${details}`, { cause });
    }
  }
}

function reasonOf({ message }: Error): string {
  return message.replace(
    /connected to sentinel (\S+) successfully, but got an invalid reply: null/,
    "$1 knows no such name",
  );
}
