/** The tracing adapter alone: a send span and a process span for each event. */

import { newEventId } from "../../../src/model/event-id.ts";
import type { Processing, Sending } from "../../../src/ports/tracing.ts";
import { createTracing } from "../../../src/tracing/tracer.ts";
import type { Contender } from "../../contender.ts";
import { baggageOf, orderOf, orders, traceparent } from "../../order.ts";
import { componentName, log } from "./common.ts";

export const tracingAlone: Contender["works"] = {
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
