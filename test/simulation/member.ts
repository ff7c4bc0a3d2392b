/** A member on its host: the component, and in some histories another one beside it, and a duty. */

import { resolveComponentOptions } from "../../src/consume/options.ts";
import { RunningComponent } from "../../src/consume/running-component.ts";
import type { Subscription } from "../../src/consume/subscription.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { MemoryStore } from "../../src/memory/store.ts";
import { ExclusiveDuty } from "../../src/ownership/exclusive.ts";
import type { Slice } from "../../src/ports/own.ts";
import type { Session } from "../../src/ports/slice-store.ts";
import { component, follower, partitionOf } from "./channels.ts";
import type { Host } from "./host.ts";
import type { Network } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { Outside } from "./outside.ts";
import type { Plan, PlannedEvent } from "./plan.ts";
import { type SimulatedTimers, silentLog, untraced } from "./stand-ins.ts";
import { followerSubscriptions, subscriptionsOf, type Tries } from "./work.ts";

/** A member, and what it runs. */
export interface Member {
  readonly host: Host;
  readonly component: RunningComponent;
  readonly follower: RunningComponent | undefined;
  readonly duty: ExclusiveDuty | undefined;
  isLeaving: boolean;
}

export interface MemberParts {
  readonly plan: Plan;
  readonly server: MemoryServer;
  readonly network: Network;
  readonly observer: Observer;
  /** Of the other component, where there is one. */
  readonly following: Observer | undefined;
  readonly planned: ReadonlyMap<string, PlannedEvent>;
  readonly tries: Tries;
  readonly outside: Outside;
  readonly timers: SimulatedTimers;
  readonly followerTimers: SimulatedTimers;
  readonly duty: (signal: AbortSignal, token: string) => Promise<void>;
}

/** Tells of the rows that a member is shown, and of what it asks for. */
class WatchedStore extends MemoryStore {
  onLook: (slice: Slice, epoch: number) => void = () => undefined;
  onAcquire: (slice: Slice, token: string) => void = () => undefined;

  override open(slice: Slice, channels: readonly string[]): Session {
    const session = super.open(slice, channels);
    const look = session.look.bind(session);
    session.look = async (newest) => {
      const looked = await look(newest);
      if (looked.row !== undefined) this.onLook(slice, looked.row.epoch);
      return looked;
    };
    const acquire = session.acquire.bind(session);
    session.acquire = async (acquisition) => {
      this.onAcquire(slice, acquisition.token);
      const acquired = await acquire(acquisition);
      const epoch = acquired.outcome === "acquired" ? acquired.epoch : acquired.row?.epoch;
      if (epoch !== undefined) this.onLook(slice, epoch);
      return acquired;
    };
    return session;
  }
}

export function memberOn(host: Host, parts: MemberParts): Member {
  const { plan, server, network, observer, following } = parts;
  const { takeoverAfterMs, concurrency, maxInFlight, partitions } = plan;
  const store = new WatchedStore(server, partitions, (partition) =>
    network.open(host, plan.relays === true ? partition : undefined),
  );
  store.onLook = (slice, epoch) => {
    if (slice.component === component) observer.saw(host, slice.partition, epoch);
    if (slice.component === follower) following?.saw(host, slice.partition, epoch);
  };
  store.onAcquire = (slice, token) => {
    if (slice.component === component) observer.asks(host, slice.partition, token);
    if (slice.component === follower) following?.asks(host, slice.partition, token);
  };
  const common = { member: host.name, about: "", clock: host, chance: host, log: silentLog, store };
  const options = {
    takeoverAfterMs,
    concurrency,
    maxInFlight: Math.max(maxInFlight, concurrency),
    drainTimeoutMs: 1_000,
  };
  const componentOf = (
    name: string,
    subscriptions: readonly Subscription[],
    timers: SimulatedTimers,
    from: "start" | "now",
  ): RunningComponent =>
    new RunningComponent({
      ...common,
      name,
      subscriptions,
      options: resolveComponentOptions(name, { ...options, from }),
      partitions: () => partitions,
      timers: timers.of(host),
      tracing: untraced,
      onChannel: () => undefined,
      describe: () => undefined,
      joined: () => undefined,
      closed: () => undefined,
    });
  const subscriptions = subscriptionsOf({ ...parts, host, partitionOf: (key) => partitionOf(key, partitions) });
  return {
    host,
    component: componentOf(component, subscriptions, parts.timers, plan.isFromNow ? "now" : "start"),
    follower: following && componentOf(follower, followerSubscriptions(host, following), parts.followerTimers, "start"),
    duty: plan.hasDuty
      ? new ExclusiveDuty({ ...common, name: "duty", takeoverAfterMs }, ({ signal, fence }) =>
          parts.duty(signal, fence.token),
        )
      : undefined,
    isLeaving: false,
  };
}
