/** Throughline as its users run it: every default, a schema, events in order by key. */

import { Redis } from "ioredis";
import { encodeEntry, wireFields } from "../../src/envelope.ts";
import { newEventId } from "../../src/event-id.ts";
import { connectBackbone, type Handler, on } from "../../src/index.ts";
import type { Processing, Sending } from "../../src/ports.ts";
import { Keys } from "../../src/redis/keys.ts";
import { createTracing } from "../../src/tracing/tracer.ts";
import { inChunks } from "../bulk.ts";
import type { Contender, Round, Sample } from "../contender.ts";
import { fill } from "../fill.ts";
import { baggageOf, type Order, orderOf, orders, routed, routedOf, traceparent } from "../order.ts";

const namespace = "bench";
const componentName = "bench";
const log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };

function fieldsOf(i: number): string[] {
  const order = orderOf(i);
  const carrier = { traceparent, tracestate: "", baggage: baggageOf(order) };
  const values = encodeEntry(newEventId(), Date.now(), order.symbol, JSON.stringify(order), carrier, []);
  return wireFields.flatMap((name, place) => [name, values[place] as string]);
}

const stream = new Keys(namespace).stream(0, orders.name);

async function backlog(url: string, count: number): Promise<void> {
  const client = new Redis(url);
  await fill(client, stream, count, fieldsOf);
  await client.quit();
}

async function handleAll({ url, count, meter }: Round, handle: Handler<Order>): Promise<Sample> {
  await using backbone = await connectBackbone({ url, namespace, log });
  await meter.ready();
  const { promise, resolve } = Promise.withResolvers<void>();
  let handled = 0;
  const component = backbone.component(componentName, [
    on(orders, (event, tools) => {
      meter.begin();
      if (++handled === count) resolve();
      return handle(event, tools);
    }),
  ]);
  const run = component.run();
  await Promise.race([promise, run]);
  await meter.whenAcknowledged(stream, componentName);
  const sample = await meter.end(count);
  await component.drain();
  await run;
  return sample;
}

const works: Contender["works"] = {
  publish: async ({ url, count, meter }) => {
    await using backbone = await connectBackbone({ url, namespace, log });
    await meter.ready();
    meter.begin();
    await inChunks(count, (first, end) => {
      const published: Promise<unknown>[] = [];
      for (let i = first; i < end; i++) published.push(backbone.publish(orders, orderOf(i)));
      return Promise.all(published);
    });
    return meter.end(count);
  },

  consume: async (round) => {
    let quantity = 0;
    const sample = await handleAll(round, ({ payload }) => {
      quantity += payload.quantity;
    });
    if (quantity === 0) throw new Error("nothing was handled");
    return sample;
  },

  transform: (round) =>
    handleAll(round, async ({ payload }, { publish }) => {
      await publish(routed, routedOf(payload));
    }),

  tracing: async ({ count, meter }) => {
    const tracing = createTracing({ log });
    const sending: Sending = {
      channel: orders,
      partition: 0,
      eventId: newEventId(),
      correlation: orders.correlation(orderOf(1)),
      causes: [],
      baggage: undefined,
    };
    const processing: Processing = {
      channel: orders,
      component: componentName,
      member: "m",
      partition: 0,
      entries: [
        {
          entryId: "1700000000000-0",
          eventId: sending.eventId,
          carrier: { traceparent, tracestate: "", baggage: baggageOf(orderOf(1)) },
          causes: [],
          correlation: sending.correlation,
          time: 1_700_000_000_000,
        },
      ],
      attempt: 1,
      claimed: false,
    };
    await meter.ready();
    meter.begin();
    for (let i = 0; i < count; i++) tracing.send(sending).sent("1700000000000-0");
    const send = await meter.end(count);
    await meter.ready();
    meter.begin();
    for (let i = 0; i < count; i++) {
      const span = tracing.process(processing);
      await span.run(async () => undefined);
      span.settled("acked");
    }
    const process = await meter.end(count);
    const sendMicros = 1e6 / (send["perSecond"] as number);
    const processMicros = 1e6 / (process["perSecond"] as number);
    return { eventMicros: sendMicros + processMicros, sendMicros, processMicros };
  },
};

export const contender: Contender = { works, backlog };
