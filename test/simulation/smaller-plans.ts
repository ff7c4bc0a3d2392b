/** Plans with less in them than one has: fewer faults, fewer events, fewer members, simpler events. */

import type { Plan, PlannedEvent } from "./plan.ts";

export function* smallerPlans(plan: Plan): Iterable<Plan> {
  const { faults, events } = plan;
  for (const share of [2, 4]) {
    for (let part = 0; part < share; part++) {
      const rest = events.filter((_, i) => Math.floor((i * share) / events.length) !== part);
      if (rest.length < events.length) yield { ...plan, events: rest };
    }
  }
  for (const i of faults.keys()) yield { ...plan, faults: faults.filter((_, other) => other !== i) };
  for (const i of events.keys()) yield { ...plan, events: events.filter((_, other) => other !== i) };
  if (plan.members > 1) yield { ...plan, members: plan.members - 1 };
  if (plan.partitions > 1) yield { ...plan, partitions: 1 };
  if (plan.hasFollower) yield { ...plan, hasFollower: false };
  if (plan.hasDuty) yield { ...plan, hasDuty: false };
  for (const [i, event] of events.entries()) {
    for (const simpler of simplerThan(event)) yield { ...plan, events: events.with(i, simpler) };
  }
}

function* simplerThan(event: PlannedEvent): Iterable<PlannedEvent> {
  if (event.fails > 0) yield { ...event, fails: event.fails - 1 };
  if (event.kills > 0) yield { ...event, kills: 0 };
  if (event.calls) yield { ...event, calls: false };
  if (event.isShared) yield { ...event, isShared: false };
  if (event.effect !== "none") yield { ...event, effect: "none" };
}
