/** The status of one channel: what its stream's facts say, or why they cannot be had. */

import { type Damage, damageOf } from "../../model/channel-damage.ts";
import { timeOf } from "../../model/envelope.ts";
import { WrongTypeError } from "../../model/errors.ts";
import type { Inspector, LogStream, StreamFacts } from "../../ports/inspect.ts";

/** The status of one channel in one partition. */
export interface ChannelStatus {
  readonly channel: string;
  readonly partition: number;
  readonly entries: number;
  /** Entries that were ever appended, those that retention has trimmed included: two looks give a rate. */
  readonly appended: number;
  /** Null while nothing was ever appended. */
  readonly lastEntryId: string | null;
  readonly lastAppendAt: number | null;
  /** Damage that a producer did to the channel; `throughline repair` mends it. */
  readonly damage: Damage;
  /**
   * Why Redis refuses to tell of the channel, as where its key is no stream; null where it tells. The numbers above are 0 then, and no component's
   * progress on the channel is told.
   */
  readonly refusal: string | null;
}

/** A look at a channel. */
export interface ChannelLook {
  readonly facts: StreamFacts;
  readonly refusal: string | null;
}

const nothing: StreamFacts = { entries: 0, appended: 0, lastEntryId: "", removed: 0, groups: [] };

/**
 * Reads the facts of a channel and of the components on it; undefined where it does not exist. A key of another type, which somebody else
 * has written, spoils its own channel alone: what of it can be read is told, with the reason beside it. @throws {StoreError}
 */
export async function readChannel(
  inspector: Inspector,
  stream: LogStream,
  components: readonly string[],
): Promise<ChannelLook | undefined> {
  try {
    const facts = await inspector.streamFacts(stream, components);
    return facts === undefined ? undefined : { facts, refusal: null };
  } catch (error) {
    if (!(error instanceof WrongTypeError)) throw error;
    return { facts: { ...nothing, ...(await countsOf(inspector, stream)) }, refusal: error.message };
  }
}

/** The channel's own numbers, where the key of another type is a component's. */
async function countsOf(inspector: Inspector, stream: LogStream): Promise<Partial<StreamFacts> | undefined> {
  try {
    return await inspector.counts(stream);
  } catch (error) {
    if (error instanceof WrongTypeError) return undefined;
    throw error;
  }
}

export function channelStatus(
  { channel, partition }: LogStream,
  { facts, refusal }: ChannelLook,
  at: number,
  evicts: boolean,
): ChannelStatus {
  const { entries, appended, lastEntryId } = facts;
  const isUsed = lastEntryId !== "";
  return {
    channel,
    partition,
    entries,
    appended,
    lastEntryId: isUsed ? lastEntryId : null,
    lastAppendAt: isUsed ? timeOf(lastEntryId) : null,
    damage: damageOf(facts, at, evicts),
    refusal,
  };
}
