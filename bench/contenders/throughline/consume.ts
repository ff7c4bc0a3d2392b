/** Throughline's consuming works: every default, a schema, events in order by key. */

import { on } from "../../../src/index.ts";
import type { Contender, Round, Sample } from "../../contender.ts";
import { measureLatency } from "../../latency.ts";
import { numberOf, type Order, orders, routed, routedOf } from "../../order.ts";
import { componentName, connect, handleAll, streamsOf } from "./common.ts";

/** Consumes, and reads each payload, as every handler does. */
async function consume(round: Round): Promise<Sample> {
  let quantity = 0;
  const sample = await handleAll(round, (handled) =>
    on(orders, ({ payload }) => {
      handled();
      quantity += payload.quantity;
    }),
  );
  if (quantity === 0) throw new Error("nothing was handled");
  return sample;
}

export const consuming: Contender["works"] = {
  consume,
  components: consume,

  transform: (round) =>
    handleAll(round, (handled) =>
      on(orders, async ({ payload }, { publish }) => {
        handled();
        await publish(routed, routedOf(payload));
      }),
    ),

  state: (round) =>
    handleAll(round, (handled) =>
      on(orders, async ({ payload }, { state }) => {
        handled();
        const sums = state<number>("sums");
        sums.set(payload.symbol, ((await sums.get(payload.symbol)) ?? 0) + payload.quantity);
      }),
    ),

  batch: async (round) => {
    let quantity = 0;
    const sample = await handleAll(round, (handled) =>
      on(orders, { batch: { maxSize: 100, maxWaitMs: 20 } }, (events) => {
        handled(events.length);
        for (const { payload } of events) quantity += (payload as Order).quantity;
      }),
    );
    if (quantity === 0) throw new Error("nothing was handled");
    return sample;
  },

  latency: async (round) => {
    await using backbone = await connect(round.url, round.shape.partitions);
    const { promise: done, resolve } = Promise.withResolvers<void>();
    let handled = 0;
    let arrived: (i: number) => void = () => undefined;
    const component = backbone.component(componentName, [
      on(orders, ({ payload }) => {
        arrived(numberOf(payload));
        if (++handled === round.count) resolve();
      }),
    ]);
    const run = component.run();
    await component.ready();
    const sample = await measureLatency("throughline", round, (mark) => {
      arrived = mark;
      return Promise.race([done, run]);
    });
    for (const there of streamsOf(round.shape.partitions)) await round.meter.whenAcknowledged(there, componentName);
    await component.drain();
    await run;
    return sample;
  },
};
