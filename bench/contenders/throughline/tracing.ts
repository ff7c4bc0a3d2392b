/** The tracing adapter alone: a send span and a process span for each event. */

import { setImmediate } from "node:timers/promises";
import { newEventId } from "../../../src/model/event-id.ts";
import type { Processing, Sending } from "../../../src/ports/tracing.ts";
import { createTracing } from "../../../src/tracing/tracer.ts";
import type { Contender, Round } from "../../contender.ts";
import { baggageOf, orderOf, orders, traceparent } from "../../order.ts";
import { componentName, log } from "./common.ts";

/** Events in one turn of the event loop; what has ended in it is exported between two. */
const turn = 200;

/** Processor time of one step, µs, its spans' export included. */
async function microsOf({ count, meter }: Round, step: (i: number, eventId: string) => void): Promise<number> {
  const ids = Array.from({ length: count }, () => newEventId());
  await meter.ready();
  meter.begin();
  for (let i = 0; i < count; i++) {
    step(i, ids[i] as string);
    if (i % turn === 0) await setImmediate();
  }
  return (await meter.end(count))["clientMicros"] as number;
}

export const tracingAlone: Contender["works"] = {
  tracing: async (round) => {
    const tracing = createTracing({ log });
    const about = { channel: orders, partition: 0 };
    const carrier = { traceparent, tracestate: "", baggage: baggageOf(orderOf(1)) };
    const attempt = { component: componentName, member: "m", attempt: 1, claimed: false };
    const correlation = orders.correlation(orderOf(1));
    const sendMicros = await microsOf(round, (i, eventId) => {
      const sending: Sending = { ...about, eventId, correlation, causes: [], baggage: undefined };
      tracing.send(sending).sent(`170000000${i}-0`);
    });
    const processMicros = await microsOf(round, (i, eventId) => {
      const entry = { entryId: `170000000${i}-0`, eventId, carrier, causes: [], correlation, time: 1_700_000_000_000 };
      const processing: Processing = { ...about, ...attempt, entries: [entry] };
      const span = tracing.process(processing);
      span.run(() => undefined);
      span.settled("acked");
    });
    return { eventMicros: sendMicros + processMicros, sendMicros, processMicros };
  },
};
