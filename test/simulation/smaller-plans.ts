/** Plans with less in them than one has: fewer faults, fewer events, fewer members, simpler events. */

import type { Plan, PlannedEvent } from "./plan.ts";
import { withoutOne, withoutParts } from "./smaller-lists.ts";

export function* smallerPlans(plan: Plan): Iterable<Plan> {
  const { faults, events } = plan;
  for (const rest of withoutParts(events)) yield { ...plan, events: rest };
  for (const rest of withoutOne(faults)) yield { ...plan, faults: rest };
  for (const rest of withoutOne(events)) yield { ...plan, events: rest };
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
