/** The heartbeats of a component's members (beat.lua). */

import type { MemberBeat, Presence } from "../../ports/slice-store.ts";
import type { Keys } from "../keys.ts";
import { sliceScripts } from "./scripts.ts";
import type { ServerLink } from "./server-link.ts";

export class RedisPresence implements Presence {
  readonly #names: Keys;
  readonly #component: string;
  readonly #link: (key: string) => ServerLink;

  constructor(names: Keys, component: string, link: (key: string) => ServerLink) {
    this.#names = names;
    this.#component = component;
    this.#link = link;
  }

  async beat(member: string, about: string, forget: readonly string[]): Promise<ReadonlyMap<string, MemberBeat>> {
    const reply = await this.#write(member, false, about, forget);
    const beats = new Map<string, MemberBeat>();
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const [beat, hasLeft] = (reply[i + 1] as string).split(" ", 2);
      beats.set(reply[i] as string, { beat: Number(beat), hasLeft: hasLeft === "1" });
    }
    return beats;
  }

  async leave(member: string): Promise<void> {
    await this.#write(member, true, "", []);
  }

  async #write(member: string, hasLeft: boolean, about: string, forget: readonly string[]): Promise<readonly string[]> {
    const key = this.#names.beats(this.#component);
    const link = this.#link(key);
    await link.opened;
    const args = [member, hasLeft ? 1 : 0, about, ...forget];
    return (await link.run(sliceScripts.beat, [key], args)) as readonly string[];
  }
}
