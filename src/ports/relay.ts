/** The relay of a slice: outputs for partitions at other nodes, which its owner moves on in their order, each once. */

import type { Claim } from "./own.ts";

/** An output in a relay, in the order of the settlements. */
export interface RelayedOutput {
  /** Its id in the relay; not the one that it gets in its channel. */
  readonly id: string;
  /** "channel", its name, "cap", the channel's hard cap, then the names and values of the wire format. */
  readonly fields: readonly string[];
}

/** Outputs for one partition, oldest first. `after`: the id that they come after, greatest that was noted as moved where none was asked for. */
export interface RelayPage {
  readonly after: string;
  readonly outputs: readonly RelayedOutput[];
}

/** At the slice's own node: the verbs of a session. */
export interface Relaying {
  /** Reads outputs for the partition. @throws {StoreError} */
  relayed(to: number, after: string | undefined, max: number): Promise<RelayPage>;
  /** Notes that all up to `id` were moved. They stay for `relayKeptMs`, as the other node may go back. False: fenced. @throws {StoreError} */
  moved(claim: Claim, to: number, id: string): Promise<boolean>;
}

/** Time for which moved outputs stay in the relay, ms, by the times in their ids. */
export const relayKeptMs = 10_000;
/** Event ids that the other node remembers of each slice's relay, to recognise what has come before. */
export const relayRemembered = 1_000;

export interface RelayBatch {
  readonly epoch: number;
  /** Grows with each sending under the same epoch. */
  readonly number: number;
  /** The id of the last output that is known to be moved. */
  readonly after: string;
  readonly outputs: readonly RelayedOutput[];
}

/**
 * `moved`: so many of the first, those included that were there already; `reason` tells why not all. `behind`: the node does not have what was
 * moved up to `after`: it has gone back to `last`; nothing was written. `fenced`: a later sending was there, that of the owner of `epoch`; nothing was written.
 */
export type RelayReply =
  | { readonly outcome: "moved"; readonly count: number; readonly reason: string }
  | { readonly outcome: "behind"; readonly last: string }
  | { readonly outcome: "fenced"; readonly epoch: number };

/** The other end, at the node of the partition that the outputs are for. */
export interface RelayTarget {
  /**
   * Appends outputs to their channels, each once however often it is sent, by whichever owner. Resolves when they are as durable as the options
   * require. @throws {StoreError} when the node does not answer or refuses all of it: some may have been appended
   */
  append(batch: RelayBatch): Promise<RelayReply>;
  close(): void;
}
