/** The sources that run in this process. */

import type { ComponentHealth } from "../consume/component.ts";
import type { Channel } from "../model/channel.ts";
import { ConfigError } from "../model/errors.ts";
import { sliceOfSource } from "../model/source-names.ts";
import { hostChance, hostClock } from "../ports/host-clock.ts";
import type { StoreContext } from "../redis/store/appender.ts";
import { resolveSourceOptions, type SourceOptions } from "../sources/options.ts";
import { RunningSource } from "../sources/running-source.ts";
import type { Source, SourceRun } from "../sources/source.ts";
import type { BackboneParts } from "./backbone-parts.ts";
import { memberOf } from "./member-name.ts";
import { openSliceStore, ownedBy, refuseShortTakeover } from "./slices.ts";
import type { UsedChannels } from "./used-channels.ts";

export class Sources {
  readonly #parts: BackboneParts;
  readonly #storeContext: StoreContext;
  readonly #channels: UsedChannels;
  readonly #sources = new Set<Source>();
  #isClosed = false;

  constructor(parts: BackboneParts, storeContext: StoreContext, channels: UsedChannels) {
    this.#parts = parts;
    this.#storeContext = storeContext;
    this.#channels = channels;
  }

  get health(): readonly ComponentHealth[] {
    return [...this.#sources].map(({ health }) => health);
  }

  /** @throws {ConfigError} */
  begin<P>(name: string, channel: Channel<P>, run: SourceRun<P>, options: SourceOptions): Source {
    if (this.#isClosed) throw new ConfigError(`the backbone is closed: source "${name}" cannot be begun`);
    const resolved = resolveSourceOptions(name, options);
    refuseShortTakeover(this.#parts, `source "${name}"`, resolved.takeoverAfterMs);
    const { tracing, namespace, options: own } = this.#parts;
    const { log } = own;
    const partitions = namespace.use();
    const slice = sliceOfSource(name);
    const store = openSliceStore(this.#parts, this.#storeContext, slice, false);
    const parts = {
      name,
      channel,
      run,
      options: resolved,
      ...memberOf(name),
      partitions,
      store,
      tracing,
      clock: hostClock,
      chance: hostChance,
      log,
      onChannel: (used: Channel<unknown>) => this.#channels.add(used),
      describe: () => this.#channels.describeSource(name, channel, resolved.runs),
      closed: () => {
        stopGauge();
        store[Symbol.dispose]();
        this.#sources.delete(source);
      },
    };
    const source: RunningSource<P> = tracing.atRoot(() => new RunningSource(parts));
    const slices = resolved.runs === "single" ? 1 : partitions;
    const stopGauge = tracing.observeOwned(() => ownedBy(slice, source.owned, slices));
    this.#sources.add(source);
    return source;
  }

  /** Ends what runs. Nothing can be begun from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sources].map((source) => source[Symbol.asyncDispose]()));
  }
}
