/** Measures the part of a round that counts: clock, this process's processor time, and the server's. */

import { Redis } from "ioredis";
import { monotonicMs } from "./clock.ts";
import type { Meter, Sample } from "./contender.ts";

export class RedisMeter implements Meter, AsyncDisposable {
  readonly #client: Redis;
  readonly #whenExported: (() => Promise<number>) | undefined;
  #redisBefore = 0;
  #cpuBefore: NodeJS.CpuUsage | undefined;
  #begunMs = 0;

  /** `whenExported` resolves with the time at which the last span has arrived. */
  constructor(url: string, whenExported?: () => Promise<number>) {
    this.#client = new Redis(url);
    this.#whenExported = whenExported;
  }

  async ready(): Promise<void> {
    this.#cpuBefore = undefined;
    this.#redisBefore = await this.#redisCpuMs();
  }

  begin(): void {
    if (this.#cpuBefore !== undefined) return;
    this.#cpuBefore = process.cpuUsage();
    this.#begunMs = monotonicMs();
  }

  async end(count: number): Promise<Sample> {
    const doneMs = monotonicMs();
    const exportedMs = (await this.#whenExported?.()) ?? 0;
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const redisMs = (await this.#redisCpuMs()) - this.#redisBefore;
    return {
      perSecond: (count * 1_000) / (Math.max(doneMs, exportedMs) - this.#begunMs),
      clientMicros: (user + system) / count,
      redisMicros: (redisMs * 1_000) / count,
    };
  }

  async whenAcknowledged(stream: string, group: string): Promise<void> {
    for (;;) {
      // An owner's entries are in no pending list: its group's position moves with the settlements.
      const groups = (await this.#client.xinfo("GROUPS", stream)) as readonly (readonly unknown[])[];
      // The reply describes a group as names and values in turn.
      const has = (facts: readonly unknown[], name: string, value: unknown): boolean =>
        facts[facts.indexOf(name) + 1] === value;
      if (groups.some((facts) => has(facts, "name", group) && has(facts, "lag", 0) && has(facts, "pending", 0))) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.quit();
  }

  async #redisCpuMs(): Promise<number> {
    const text = await this.#client.info("cpu");
    const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1] ?? 0);
    return (of("used_cpu_user") + of("used_cpu_sys")) * 1_000;
  }
}
