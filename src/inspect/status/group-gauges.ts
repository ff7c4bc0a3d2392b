/** A component's lag and open deliveries as metrics: one row for each channel, summed over all partitions. */

import type { GroupGauges } from "../../ports/tracing.ts";
import type { BackboneStatus } from "./status.ts";

/** Sums the status of one component by channel. */
export function gaugesOf(status: BackboneStatus, component: string): readonly GroupGauges[] {
  const rows = new Map<string, GroupGauges>();
  for (const one of status.components) {
    if (one.component !== component) continue;
    for (const { channel, lagEntries, lagMs, pending, oldestPendingMs, parked, deadLetters } of one.channels) {
      const sum = rows.get(channel);
      rows.set(channel, {
        channel,
        component,
        lagEntries: lagEntries + (sum?.lagEntries ?? 0),
        lagMs: Math.max(lagMs, oldestPendingMs, sum?.lagMs ?? 0),
        pending: pending + (sum?.pending ?? 0),
        parked: parked + (sum?.parked ?? 0),
        deadLetters: deadLetters + (sum?.deadLetters ?? 0),
      });
    }
  }
  return [...rows.values()];
}
