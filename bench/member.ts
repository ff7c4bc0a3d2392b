/** The process of one member of a component: connects, handles deliveries, and stops, as it is told. */

import { setTimeout as delay } from "node:timers/promises";
import { type Backbone, type Component, type Event, on, type Subscription } from "../src/index.ts";
import { componentName, connect } from "./contenders/throughline/common.ts";
import { type Order, orders, routed, routedOf } from "./order.ts";

export type MemberTask =
  | { readonly task: "connect"; readonly url: string; readonly partitions: number }
  /** `takeoverAfterMs`: the component's option. */
  | { readonly task: "run"; readonly work: MemberWork; readonly takeoverAfterMs?: number }
  /** From now on handlers begin: what they were given before has waited. */
  | { readonly task: "measure" }
  | { readonly task: "stop" };

/** What its handler does with an event: reads it, makes an output of it, or waits as for somebody else's answer. */
export type MemberWork = "consume" | "transform" | "wait";

/**
 * The member's answer. `connect`, `run` and `measure`: done. `stop`: the number of events handled since `measure`, and their
 * processor time.
 */
export type MemberAnswer =
  | { readonly done: true }
  | { readonly handled: number; readonly cpuMicros: number }
  | { readonly error: string };

/** What a handler waits, ms. */
const waitMs = 5;

let backbone: Backbone;
let component: Component;
let run: Promise<void>;
let cpuBefore: NodeJS.CpuUsage;
let handled = 0;
/** Handlers wait for it; undefined once it is open. */
let gate: PromiseWithResolvers<void> | undefined;

function subscriptionOf(work: MemberWork): Subscription {
  switch (work) {
    case "consume": {
      const read = ({ payload }: Event<Order>): void => {
        if (payload.quantity > 0) handled++;
      };
      return on(orders, (event) => (gate === undefined ? read(event) : gate.promise.then(() => read(event))));
    }
    case "transform":
      return on(orders, async ({ payload }, { publish }) => {
        handled++;
        await publish(routed, routedOf(payload));
      });
    case "wait":
      return on(orders, async () => {
        handled++;
        await delay(waitMs);
      });
  }
}

async function perform(task: MemberTask): Promise<MemberAnswer> {
  switch (task.task) {
    case "connect":
      backbone = await connect(task.url, task.partitions);
      return { done: true };
    case "run":
      gate = Promise.withResolvers();
      component = backbone.component(componentName, [subscriptionOf(task.work)], {
        ...(task.takeoverAfterMs !== undefined && { takeoverAfterMs: task.takeoverAfterMs }),
      });
      run = component.run();
      await Promise.race([component.ready(), run]);
      return { done: true };
    case "measure":
      handled = 0;
      cpuBefore = process.cpuUsage();
      gate?.resolve();
      gate = undefined;
      return { done: true };
    case "stop": {
      const { user, system } = process.cpuUsage(cpuBefore);
      await component.drain();
      await run;
      await backbone[Symbol.asyncDispose]();
      return { handled, cpuMicros: user + system };
    }
  }
}

process.on("message", (task: MemberTask) => {
  perform(task).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies MemberAnswer),
  );
});
process.on("disconnect", () => process.exit());
