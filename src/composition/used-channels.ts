/** The channels that a process has used: each is described in the namespace, and has the retention that this process's code says. */

import type { Channel } from "../model/channel.ts";
import { describeRetention, type Retention } from "../model/retention-policy.ts";
import { describe } from "../redis/namespace.ts";
import type { BackboneParts } from "./backbone-parts.ts";

export class UsedChannels {
  readonly #parts: BackboneParts;
  /** Called with each channel once. */
  readonly #used: (channel: Channel<unknown>) => void;
  /** Channels that the namespace's description names by now. */
  readonly #described = new Set<Channel<unknown>>();
  /** Outputs that it names by now, as `<component>:<channel>`. */
  readonly #outputs = new Set<string>();
  /** By the channel's name. */
  readonly retention: Map<string, Retention> = new Map();

  constructor(parts: BackboneParts, used: (channel: Channel<unknown>) => void) {
    this.#parts = parts;
    this.#used = used;
  }

  add(channel: Channel<unknown>): void {
    if (this.#described.has(channel)) return;
    this.#described.add(channel);
    this.retention.set(channel.name, channel.retention);
    this.#describe(`channel:${channel.name}`, describeRetention(channel.retention));
    this.#used(channel);
  }

  /** Adds a channel that the component's handlers publish to. */
  addOutput(component: string, channel: Channel<unknown>): void {
    this.add(channel);
    const output = `${component}:${channel.name}`;
    if (this.#outputs.has(output)) return;
    this.#outputs.add(output);
    this.#describe(`output:${output}`, "1");
  }

  /** Describes a component and its channels anew: the description may have been lost with everything else. */
  describeComponent(name: string, channels: readonly Channel<unknown>[]): void {
    this.#described.clear();
    this.#outputs.clear();
    this.#describe(`component:${name}`, channels.map((channel) => channel.name).join(","));
    for (const channel of channels) this.add(channel);
  }

  /** Likewise a source and its channel. `runs`: as its options say. */
  describeSource(name: string, channel: Channel<unknown>, runs: string): void {
    this.#described.clear();
    this.#describe(`source:${name}`, `${channel.name} ${runs}`);
    this.add(channel);
  }

  // The description is for people: a publish or a delivery does not wait for it.
  #describe(name: string, text: string): void {
    const { tracing, connection, keys, namespace, options } = this.#parts;
    tracing
      .atRoot(() => tracing.quietly(() => describe(connection, keys, namespace.partitions, name, text)))
      .catch((error: unknown) =>
        options.log.debug({ name, reason: String(error) }, "the namespace could not be described"),
      );
  }
}
