/** Components' lag, open deliveries and ownership as metrics: a row for each channel and partition. */

import { sliceOfSource } from "../../model/source-names.ts";
import type { ComponentGauges } from "../../ports/tracing.ts";
import type { BackboneStatus } from "./status.ts";

/**
 * The gauges of these components, and of those of which no member lives anywhere: nobody else reports what waits for them. The ownership of
 * sources is reported by everybody: their own processes need not run a component.
 */
export function gaugesOf({ components, sources, members }: BackboneStatus, own: ReadonlySet<string>): ComponentGauges {
  const living = new Set(members.flatMap(({ component, live }) => (live ? [component] : [])));
  const reported = components.filter(({ component }) => own.has(component) || !living.has(component));
  return {
    groups: reported.flatMap(({ component, partition, channels }) =>
      channels.map(({ channel, lagEntries, lagMs, pending, oldestPendingMs, parked, deadLetters }) => ({
        channel,
        component,
        partition,
        lagEntries,
        lagMs: Math.max(lagMs, oldestPendingMs),
        pending,
        parked,
        deadLetters,
      })),
    ),
    relays: [
      ...reported,
      ...sources.map(({ source, partition, relays }) => ({ component: sliceOfSource(source), partition, relays })),
    ].map(({ component, partition, relays }) => ({
      component,
      partition,
      outputs: relays.reduce((sum, { outputs }) => sum + outputs, 0),
      oldestMs: relays.reduce((most, { oldestMs }) => Math.max(most, oldestMs), 0),
    })),
    epochs: [
      ...reported.map(({ component, partition, owner }) => ({ component, partition, epoch: owner?.epoch ?? 0 })),
      ...sources.map(({ source, partition, owner }) => ({
        component: sliceOfSource(source),
        partition,
        epoch: owner?.epoch ?? 0,
      })),
    ],
  };
}
