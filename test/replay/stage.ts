/** A namespace written by hand, its replays, and access to their results. */

import { openReplays } from "../../src/composition/replays.ts";
import type { Replays } from "../../src/replay/republish/namespace-replays.ts";
import type { ReplayReport, RunOptions } from "../../src/replay/republish/perform-run.ts";
import type { RepublishOptions } from "../../src/replay/republish/request.ts";
import { HandWritten } from "../inspect/hand-written.ts";

/** An entry's fields by name, and its id. */
export type Fields = Readonly<Record<string, string>>;

export class Stage implements AsyncDisposable {
  readonly log: HandWritten;
  readonly replays: Replays;
  readonly #namespaces = new Set<string>();

  constructor(log: HandWritten = new HandWritten()) {
    this.log = log;
    this.replays = openReplays({ url: log.url, namespace: log.namespace });
  }

  /** Replays channels of the namespace, flat out unless told. */
  async replay(
    channels: readonly string[],
    { speed = "max", ...options }: RepublishOptions = {},
    run: RunOptions = {},
  ): Promise<ReplayReport> {
    const source = await this.replays.open({ channels });
    const request = await this.replays.prepare(source, { speed, ...options });
    this.#namespaces.add(request.namespace);
    return this.replays.start(source, request, run);
  }

  /** The entries of a channel, in log order. */
  async entries(namespace: string, channel: string, partition = 0): Promise<readonly Fields[]> {
    this.#namespaces.add(namespace);
    const rows = await this.log.client.xrange(`{${namespace}:${partition}}:${channel}`, "-", "+");
    return rows.map(([entryId, fields]) => {
      const pairs = fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : []));
      return { entryId, ...Object.fromEntries(pairs) };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.replays[Symbol.asyncDispose]();
    const { client, namespace } = this.log;
    for (const one of [...this.#namespaces, `${namespace}-replays`]) {
      const keys = [...(await client.keys(`{${one}:*`)), `${one}:meta`];
      await client.unlink(...keys);
    }
    await this.log[Symbol.asyncDispose]();
  }
}
