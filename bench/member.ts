/** The process of one member of a component: connects, handles deliveries, and stops, as it is told. */

import { type Backbone, type Component, on } from "../src/index.ts";
import { componentName, connect } from "./contenders/throughline/common.ts";
import { orders, routed, routedOf } from "./order.ts";

export type MemberTask =
  | { readonly task: "connect"; readonly url: string; readonly partitions?: number }
  /** `isRouting`: it makes an output of each event. */
  | { readonly task: "run"; readonly isRouting?: boolean }
  | { readonly task: "stop" };

/**
 * The member's answer. `connect` and `run`: done. `stop`: the number of events handled since `run`, and their processor
 * time.
 */
export type MemberAnswer =
  | { readonly done: true }
  | { readonly handled: number; readonly cpuMicros: number }
  | { readonly error: string };

let backbone: Backbone;
let component: Component;
let run: Promise<void>;
let cpuBefore: NodeJS.CpuUsage;
let handled = 0;

async function perform(task: MemberTask): Promise<MemberAnswer> {
  switch (task.task) {
    case "connect":
      backbone = await connect(task.url, task.partitions);
      return { done: true };
    case "run":
      handled = 0;
      cpuBefore = process.cpuUsage();
      component = backbone.component(componentName, [
        task.isRouting === true
          ? on(orders, async ({ payload }, { publish }) => {
              handled++;
              await publish(routed, routedOf(payload));
            })
          : on(orders, ({ payload }) => {
              if (payload.quantity > 0) handled++;
            }),
      ]);
      run = component.run();
      await Promise.race([component.ready(), run]);
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
