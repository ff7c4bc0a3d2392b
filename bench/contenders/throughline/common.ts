/**
 * The common part of Throughline's works: the namespace, a backbone, a backlog, and a component that handles all of it.
 */

import { Redis } from "ioredis";
import { type Backbone, type Component, connectBackbone, type Log, type Subscription } from "../../../src/index.ts";
import { encodeEntry, wireEntry } from "../../../src/model/envelope.ts";
import { newEventId } from "../../../src/model/event-id.ts";
import { partitionOf } from "../../../src/publish/placement.ts";
import { Keys } from "../../../src/redis/keys.ts";
import type { Backlog, Round, Sample, Shape } from "../../contender.ts";
import { fill } from "../../fill.ts";
import { baggageOf, orderOf, orders, traceparentOf } from "../../order.ts";

export const namespace = "bench";
export const componentName = "bench";
/** The streams of the channel that every work publishes into, one for each partition. */
export function streamsOf(partitions = 1): readonly string[] {
  return Array.from({ length: partitions }, (_, partition) => new Keys(namespace).stream(partition, orders.name));
}

/** The one of a namespace with one partition. */
export const stream: string = streamsOf()[0] as string;
export const log: Log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };

export function connect(url: string, partitions?: number): Promise<Backbone> {
  return connectBackbone({ url, namespace, log, ...(partitions === undefined ? {} : { partitions }) });
}

/**
 * The fields of entry `i`, names and values in turn, as a producer would have appended them that samples this share of
 * its traces.
 */
export function fieldsOf(i: number, { payloadBytes }: Shape, sampled: number): readonly string[] {
  const order = orderOf(i, payloadBytes);
  const carrier = { traceparent: traceparentOf(i, sampled), tracestate: "", baggage: baggageOf(order) };
  const values = encodeEntry(newEventId(), Date.now(), order.symbol, JSON.stringify(order), carrier, []);
  return wireEntry(values);
}

export async function backlog({ url, count, shape, sampled }: Backlog): Promise<void> {
  const client = new Redis(url);
  const streams = streamsOf(shape.partitions);
  const lying = streams.map((): number[] => []);
  for (let i = 0; i < count; i++) lying[partitionOf(orderOf(i).symbol, streams.length)]?.push(i);
  for (const [partition, numbers] of lying.entries()) {
    const there = streams[partition] as string;
    await fill(client, there, numbers.length, (n) => fieldsOf(numbers[n] as number, shape, sampled));
  }
  await client.quit();
}

/**
 * Runs components on the backlog until each has handled and settled all of it. `subscribe` gets a function to call at
 * the start of its handler, for one event or for several.
 */
export async function handleAll(
  { url, count, shape, meter }: Round,
  subscribe: (handled: (events?: number) => void) => Subscription,
): Promise<Sample> {
  const { components = 1, partitions } = shape;
  await using backbone = await connect(url, partitions);
  await meter.ready();
  const names = Array.from({ length: components }, (_, i) => (i === 0 ? componentName : `${componentName}-${i}`));
  const all = names.map((name): { component: Component; done: Promise<void> } => {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    let handled = 0;
    const subscription = subscribe((events = 1) => {
      meter.begin();
      handled += events;
      if (handled >= count) resolve();
    });
    return { component: backbone.component(name, [subscription]), done };
  });
  const runs = all.map(({ component }) => component.run());
  await Promise.race([Promise.all(all.map(({ done }) => done)), Promise.race(runs)]);
  for (const there of streamsOf(partitions)) for (const name of names) await meter.whenAcknowledged(there, name);
  const sample = await meter.end(count * components);
  await Promise.all(all.map(({ component }) => component.drain()));
  await Promise.all(runs);
  return sample;
}
