/** A component that has run, and the calls that a replay of it captures. */

import type { Channel, Subscription } from "../../src/index.ts";
import {
  type CapturedCall,
  type ComponentReplayOptions,
  openLog,
  type ReplaySource,
  replayComponent,
} from "../../src/replay.ts";
import { type Opened, soon, type Thing, things } from "../support/backbone.ts";

export const ins: Channel<Thing> = things("ins", { retry: { ...soon, maxAttempts: 3 } });
export const others: Channel<Thing> = things("others", { retry: { ...soon, maxAttempts: 3 } });
export const outs: Channel<Thing> = things("outs");

/** Runs the component live until all that was published before is settled, and gives the log. */
export async function live(
  o: Opened,
  subscriptions: readonly Subscription[],
  channels: readonly string[],
): Promise<ReplaySource> {
  const component = o.backbone.component("c", subscriptions, { concurrency: 4 });
  const run = component.run();
  await component.whenIdle();
  await component.drain();
  await run;
  return openLog(o.backbone, channels, { components: ["c"] });
}

export async function gathered<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function callsOf(options: Omit<ComponentReplayOptions, "component">): Promise<readonly CapturedCall[]> {
  return gathered(replayComponent({ ...options, component: "c" }).calls());
}

export function numbers(call: CapturedCall): readonly number[] {
  return call.entries.map(({ envelope }) => (JSON.parse(envelope?.payload ?? "{}") as Thing).n);
}

/** A replay's lines, kept as a source of their own. */
export async function kept(replay: ReplaySource): Promise<ReplaySource> {
  const lines = await gathered(replay.lines());
  const { name, namespace, channels, partitions } = replay;
  return {
    name,
    namespace,
    channels,
    partitions,
    async *lines() {
      yield* lines;
    },
  };
}
