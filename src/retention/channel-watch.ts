/** Checks the channels of this process for damage once a period, and logs an alarm. */

import { damageOf, type StreamCounts } from "../model/channel-damage.ts";
import { WrongTypeError } from "../model/errors.ts";
import type { Inspector, LogStream } from "../ports/inspect.ts";
import type { Log } from "../ports/log.ts";
import type { OwnChannels } from "./retention-round.ts";

/** Streams checked in a period; where there are more, each waits for its turn, so that quiet channels do not make it dearer. */
const perLook = 200;
const atOnce = 20;

/** The period and the collaborators of the watch. */
export interface ChannelWatchOptions {
  readonly own: OwnChannels;
  readonly inspector: Pick<Inspector, "counts" | "now">;
  readonly log: Log;
  readonly everyMs: number;
}

/** Checks streams from its construction until it is disposed of. */
export class ChannelWatch implements Disposable {
  readonly #options: ChannelWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** The last alarm of each stream, so that an alarm is repeated only when it changes. */
  readonly #told = new Map<string, string>();
  #next = 0;
  #isLooking = false;

  /** Starts the timer; the first check runs after one period. */
  constructor(options: ChannelWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.everyMs).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const now = await this.#options.inspector.now();
      const streams = this.#turn();
      for (let first = 0; first < streams.length; first += atOnce) {
        await Promise.all(streams.slice(first, first + atOnce).map((stream) => this.#lookAt(stream, now)));
      }
    } catch (error) {
      // Redis is away, which other code reports; the next check runs all the same.
      this.#options.log.debug({ reason: String(error) }, "channels could not be looked at");
    } finally {
      this.#isLooking = false;
    }
  }

  #turn(): readonly LogStream[] {
    const { own } = this.#options;
    const channels = [...own.retention.keys()];
    const count = channels.length * own.partitions;
    const streams = Array.from({ length: Math.min(count, perLook) }, (_, i) => {
      const place = (this.#next + i) % count;
      return { channel: channels[place % channels.length] as string, partition: Math.floor(place / channels.length) };
    });
    this.#next = count === 0 ? 0 : (this.#next + streams.length) % count;
    return streams;
  }

  async #lookAt(stream: LogStream, now: number): Promise<void> {
    const { own } = this.#options;
    const { channel } = stream;
    const counts = await this.#countsOf(stream);
    if (counts === undefined) return;
    const evicts = own.retention.get(channel)?.onFull === "evict";
    const { isBlocked, aheadMs, removedByOthers } = damageOf(counts, now, evicts);
    const { lastEntryId } = counts;
    const ids = isBlocked ? "blocked" : aheadMs > 0 ? "ahead" : "";
    this.#tell(stream, "ids", ids, isBlocked ? blockedText : aheadText, { lastEntryId });
    const removed = removedByOthers > 0 ? String(removedByOthers) : "";
    this.#tell(stream, "removed", removed, removedText, { removed: removedByOthers });
  }

  /** A key of another type is damage of its own channel; the others are looked at all the same. */
  async #countsOf(stream: LogStream): Promise<StreamCounts | undefined> {
    let refusal = "";
    try {
      return await this.#options.inspector.counts(stream);
    } catch (error) {
      if (!(error instanceof WrongTypeError)) throw error;
      refusal = error.message;
      return undefined;
    } finally {
      this.#tell(stream, "type", refusal, typeText, { reason: refusal });
    }
  }

  /** Logs an alarm of one kind where it has changed; "" ends it. */
  #tell({ channel, partition }: LogStream, kind: string, value: string, text: string, fields: object): void {
    const name = `${kind} ${partition} ${channel}`;
    if (this.#told.get(name) === value) return;
    if (value === "") this.#told.delete(name);
    else {
      this.#told.set(name, value);
      this.#options.log.error({ channel, partition, ...fields }, text);
    }
  }
}

const typeText =
  "the channel's key is no stream: somebody has put something else there. Nothing can be published to it or handled until that key is gone";
const blockedText =
  'the channel takes no more entries: somebody has given one the greatest id there is. "throughline repair" gives it another';
const aheadText =
  'the channel\'s last id is far ahead of the clock: somebody has given an entry such an id. "throughline repair" gives it another';
const removedText =
  "entries were removed by somebody else than retention, as whoever may publish to the channel can. What a component had not had of " +
  'them is told by that component; "throughline repair" ends this alarm';
