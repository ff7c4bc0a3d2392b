/** Which channels a member's regular duties look at in a tick: the busy ones, and so many of the others in turn. */

/** Others a tick. A component that has no more is looked at as a whole each time. */
const othersPerTick = 500;

/** What a tick costs does not grow with channels that are quiet; how long a round of them takes does. */
export class Rotation {
  readonly #channels: readonly string[];
  #next = 0;

  constructor(channels: readonly string[]) {
    this.#channels = channels;
  }

  /** Each channel once. */
  next(busy: Iterable<string>): readonly string[] {
    const channels = this.#channels;
    if (channels.length <= othersPerTick) return channels;
    const chosen = new Set(busy);
    for (let n = 0; n < othersPerTick; n++) {
      chosen.add(channels[this.#next] as string);
      this.#next = (this.#next + 1) % channels.length;
    }
    return [...chosen];
  }
}
