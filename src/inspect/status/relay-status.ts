/** The status of relays: outputs that wait at their node to be moved to partitions at other nodes. */

import { timeOf } from "../../model/envelope.ts";
import type { Inspector } from "../../ports/inspect.ts";

/** Outputs of one component's or source's partition that wait to be moved to another one. */
export interface RelayStatus {
  /** The partition that they are for. */
  readonly to: number;
  /** Number of outputs; a lower bound where `exact` is false. */
  readonly outputs: number;
  readonly exact: boolean;
  /** Time since the settlement of the oldest, ms. */
  readonly oldestMs: number;
  /** The channel of the oldest; where it is full or of a wrong type it holds the others. */
  readonly channel: string;
}

/** Reads what waits, by the partition that it is for; nothing where all partitions are at one node. */
export async function readRelays(
  inspector: Inspector,
  partition: number,
  component: string,
  { partitions, at }: { readonly partitions: number; readonly at: number },
): Promise<readonly RelayStatus[]> {
  const waiting = await inspector.relays(partition, component, partitions);
  return waiting.map(({ oldestId, ...rest }) => ({ ...rest, oldestMs: Math.max(0, at - timeOf(oldestId)) }));
}
