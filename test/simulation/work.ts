/** The handlers under simulation, which do what the plan says of each event. */

import { on, type StateStore, type Subscription } from "../../src/consume/subscription.ts";
import type { Channel } from "../../src/model/channel.ts";
import { PermanentError } from "../../src/model/errors.ts";
import type { Event } from "../../src/model/event.ts";
import type { Fence } from "../../src/ownership/fence.ts";
import { inputs, outputs, type Payload, type Result } from "./channels.ts";
import type { Host } from "./host.ts";
import type { Observer } from "./observer.ts";
import type { Outside } from "./outside.ts";
import type { PlannedEvent } from "./plan.ts";

/** What a history has of its events beyond the log: how often each was tried, wherever. */
export class Tries {
  readonly #thrown = new Map<string, number>();
  readonly #killed = new Map<string, number>();

  mayThrow(id: string, most: number): boolean {
    return countUpTo(this.#thrown, id, most);
  }

  mayKill(id: string, most: number): boolean {
    return countUpTo(this.#killed, id, most);
  }
}

function countUpTo(counts: Map<string, number>, id: string, most: number): boolean {
  const count = counts.get(id) ?? 0;
  if (count >= most) return false;
  counts.set(id, count + 1);
  return true;
}

interface Bench {
  readonly host: Host;
  readonly planned: ReadonlyMap<string, PlannedEvent>;
  readonly tries: Tries;
  readonly outside: Outside;
  readonly observer: Observer;
  readonly partitionOf: (key: string) => number;
}

/** What handlers of one event and of a batch have in common, and the fence that owners give beside it. */
interface GivenTools {
  readonly publish: (channel: Channel<Result>, payload: Result) => Promise<unknown>;
  readonly state: <V>(store: string) => StateStore<V>;
  readonly fence?: Fence;
  readonly signal: AbortSignal;
}

export function subscriptionsOf(bench: Bench): readonly Subscription[] {
  const { observer, host } = bench;
  const single = (channel: Channel<Payload>): Subscription =>
    on(channel, async (event, tools) => {
      const end = observer.started(host, event, fenceOf(tools), true, true);
      try {
        await handle(bench, event, tools, observer.conditions.now);
      } finally {
        end();
      }
    });
  const batched = on(inputs.batched, { batch: { maxSize: 4, maxWaitMs: 30 } }, async (events, tools) => {
    const begunAt = observer.conditions.now;
    for (const event of events) {
      const end = observer.started(host, event, fenceOf(tools), event === events[0], false);
      // Each output is one event's, and says so: its id does not depend on how the batch was cut.
      const publish: GivenTools["publish"] = (channel, payload) =>
        tools.publish(channel, payload, { causedBy: [event] });
      const given = { publish, state: tools.state, fence: fenceOf(tools), signal: tools.signal };
      await handle(bench, event, given, begunAt).finally(end);
    }
  });
  return [single(inputs.parking), single(inputs.blocking), batched];
}

/** Another component, which has no effects: it reads what the first one reads, and what that one publishes. */
export function followerSubscriptions(host: Host, observer: Observer): readonly Subscription[] {
  const follow = <P>(channel: Channel<P>): Subscription =>
    on(channel, async (event, tools) => {
      const end = observer.started(host, event, fenceOf(tools), true, true);
      await host.wait(3);
      observer.handled(event);
      end();
    });
  return [follow(inputs.parking), follow(outputs.sound)];
}

function fenceOf(tools: GivenTools): Fence {
  if (tools.fence === undefined) throw new Error("a handler was given no fence");
  return tools.fence;
}

/** `begunAt`: when its attempt was allowed to begin, ms. */
async function handle(bench: Bench, event: Event<Payload>, tools: GivenTools, begunAt: number): Promise<void> {
  const { host, planned, tries, outside, observer, partitionOf } = bench;
  const plan = planned.get(event.id);
  if (plan === undefined) throw new Error(`nobody has planned ${event.id}`);
  const log = tools.state<readonly string[]>("log");
  const totals = tools.state<number>("totals");
  const before = plan.effect === "none" ? [] : ((await log.get(event.key)) ?? []);
  const total = plan.isShared && plan.effect !== "none" ? ((await totals.get("all")) ?? 0) : 0;
  if (plan.handlerMs > 0) await host.wait(plan.handlerMs);
  if (tries.mayKill(event.id, plan.kills)) observer.kill(host);
  if (plan.isHopeless) throw new PermanentError("hopeless");
  if (tries.mayThrow(event.id, plan.fails)) throw new Error("not yet");
  if (plan.calls) {
    await host.wait(2);
    const fence = fenceOf(tools);
    const partition = partitionOf(event.key);
    if (!outside.admit(partition, fence)) {
      observer.refusedOutside(host, partition, fence, { isOver: tools.signal.aborted, begunAt });
      throw new Error("the outside has seen a later owner");
    }
  }
  observer.handled(event);
  if (plan.effect === "none") return;
  log.set(event.key, [...before, event.id]);
  if (plan.isShared) totals.set("all", total + 1);
  await tools.publish(outputs[plan.effect], { source: event.id });
}
