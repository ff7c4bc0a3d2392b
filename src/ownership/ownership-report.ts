/** What is said of the ownership of a slice, to people: who took it, what was wrong with what was found, and how it was lost. */

import { isRefusal, type ThroughlineError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Claim, Slice, Start, Stranger } from "../ports/own.ts";
import { goneBack } from "./hold.ts";

export class OwnershipReport {
  readonly #log: Log;
  readonly #slice: Slice;
  /** Why the store refuses what was last asked of it; undefined where it does not. */
  #refused: ThroughlineError | undefined;

  constructor(log: Log, slice: Slice) {
    this.#log = log;
    this.#slice = slice;
  }

  get refused(): ThroughlineError | undefined {
    return this.#refused;
  }

  /** True: the store has refused, and does not merely fail to answer. A refusal is said once, and again when it is another one. */
  failed(error: unknown): boolean {
    if (!isRefusal(error)) {
      this.#log.debug({ ...this.#slice, reason: String(error) }, "the slice's server does not answer");
      return false;
    }
    if (this.#refused?.message !== error.message)
      this.#log.error({ ...this.#slice, reason: error.message }, "Redis refuses this member its part");
    this.#refused = error;
    return true;
  }

  answered(): void {
    this.#refused = undefined;
  }

  /** `hadRow`: the slice was taken from one. `isForgotten`: there was one before, and it was gone. */
  began(starts: readonly Start[], hadRow: boolean, isForgotten: boolean): void {
    for (const { channel, became, lost } of starts) {
      const fields = { ...this.#slice, channel };
      if (became === "again" && hadRow) this.remade([channel]);
      else if (became === "again")
        this.#log.error(fields, "there was no owner's row, but the channel's group: it goes on where the group stands");
      else if (isForgotten) {
        const text = "the channel's group was gone, and so was every record of it; it begins at the oldest entry";
        this.#log.error(fields, text);
      }
      if (became === "gone")
        this.#log.error({ ...this.#slice, channel, lost }, "the stream is gone, and what was in it is lost");
    }
  }

  taken({ epoch }: Claim, from: string, isDeath: boolean): void {
    const fields = { ...this.#slice, epoch, from };
    if (isDeath) this.#log.warn(fields, "took over from an owner that had fallen silent");
    else this.#log.info(fields, "owns the partition");
  }

  remade(channels: readonly string[]): void {
    for (const channel of channels)
      this.#log.error({ ...this.#slice, channel }, "the channel's group was gone; it was made again where it stood");
  }

  strangers(strangers: readonly Stranger[]): void {
    for (const { channel, consumer } of strangers) {
      const fields = { ...this.#slice, channel };
      if (consumer === "")
        this.#log.error(fields, "somebody else has acknowledged in the component's group; it was put right");
      else this.#log.error({ ...fields, consumer }, "somebody else reads in the component's group; it was put right");
    }
  }

  handedOver(isReleased: boolean): void {
    this.#log.info({ ...this.#slice, isReleased }, "has handed over the partition");
  }

  handoverFailed(error: unknown): void {
    this.#log.error({ ...this.#slice, reason: String(error) }, "a handover failed");
  }

  lost(reason: string): void {
    const fields = { ...this.#slice, reason };
    if (reason === goneBack) this.#log.error(fields, "has lost the partition");
    else this.#log.warn(fields, "has lost the partition");
  }
}
