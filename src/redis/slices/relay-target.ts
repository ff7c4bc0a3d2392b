/** The other end of a slice's relay: the node of the partition that the outputs are for (arrive.lua). */

import { eventIdIn } from "../../model/stored-entry.ts";
import type { Evicted } from "../../ports/append.ts";
import type { Slice } from "../../ports/own.ts";
import {
  type RelayBatch,
  type RelayedOutput,
  type RelayReply,
  type RelayTarget,
  relayRemembered,
} from "../../ports/relay.ts";
import type { Keys } from "../keys.ts";
import { sliceScripts } from "./scripts.ts";
import type { ServerLink } from "./server-link.ts";

export interface RelayTargetContext {
  readonly names: Keys;
  readonly link: (key: string) => ServerLink;
  readonly onEvicted: (evicted: Evicted) => void;
  /** What is missing of the durability. */
  readonly short: (missing: string) => void;
}

type ArriveReply =
  | readonly ["fenced", epoch: string]
  | readonly ["behind", last: string]
  | readonly ["moved", count: number, why: string, evictions: string];

/** Has no connection of its own: it takes that of the partition. */
export class RedisRelayTarget implements RelayTarget {
  readonly #context: RelayTargetContext;
  readonly #slice: Slice;
  readonly #to: number;

  constructor(context: RelayTargetContext, slice: Slice, to: number) {
    this.#context = context;
    this.#slice = slice;
    this.#to = to;
  }

  async append({ epoch, number, after, outputs }: RelayBatch): Promise<RelayReply> {
    const { names, link: linkOf, short } = this.#context;
    const { component, partition } = this.#slice;
    const { memory, recent } = names.relayed(this.#to, component, partition);
    const channels: string[] = [];
    let caps = "";
    const args: (string | number)[] = [];
    for (const output of outputs) {
      const [channel, cap, own] = takenApart(output);
      let place = channels.indexOf(channel);
      if (place < 0) {
        place = channels.push(channel) - 1;
        if (cap !== 0) caps += `${place + 1}:${cap} `;
      }
      args.push(output.id, place + 1, eventIdIn(own), own.length, ...own);
    }
    const keys = [memory, recent, ...channels.map((channel) => names.stream(this.#to, channel))];
    const link = linkOf(memory);
    await link.opened;
    const head = [epoch, number, after, relayRemembered, caps];
    const reply = (await link.run(sliceScripts.arrive, keys, [...head, ...args])) as ArriveReply;
    if (reply[0] === "fenced") return { outcome: "fenced", epoch: Number(reply[1]) };
    if (reply[0] === "behind") return { outcome: "behind", last: reply[1] };
    const [, count, reason, evictions] = reply;
    this.#tellEvictions(evictions, channels);
    if (count > 0) await link.confirmed(short);
    return { outcome: "moved", count, reason };
  }

  close(): void {}

  #tellEvictions(text: string, channels: readonly string[]): void {
    for (const line of text === "" ? [] : text.split("\n")) {
      const [place = 0, removed = 0, unfinished = 0] = line.split(" ").map(Number);
      const channel = channels[place - 1] as string;
      this.#context.onEvicted({ channel, partition: this.#to, removed, unfinished });
    }
  }
}

/** The channel, its hard cap, and the entry's own fields. */
function takenApart({ fields }: RelayedOutput): readonly [channel: string, cap: number, own: readonly string[]] {
  const [, channel = "", , cap = "0", ...own] = fields;
  return [channel, Number(cap), own];
}
