/** Watches the source while a history happens: at every moment the log has what the position says, each thing once and in its order. */

import { type Entry, keyOf } from "../../../src/memory/keyspace.ts";
import { rowOf } from "../../../src/memory/row.ts";
import type { MemoryServer } from "../../../src/memory/server.ts";
import { positionKey, readPosition, sliceOfSource } from "../../../src/model/source-names.ts";
import type { Fence } from "../../../src/ownership/fence.ts";
import type { Conditions } from "../conditions.ts";
import type { Host } from "../host.ts";
import type { Message } from "./feed.ts";
import type { SourcePlan } from "./plan.ts";

export const sourceName = "feed";
export const channelName = "reports";
const slice = sliceOfSource(sourceName);

export class SourceObserver {
  readonly #server: MemoryServer;
  readonly #plan: SourcePlan;
  readonly #conditions: Conditions;
  /** What was trimmed, by partition, the oldest first. */
  #archive: readonly (readonly Entry[])[];
  /** Runs, by host and partition, and by fence. */
  readonly #running = new Map<string, number>();
  /** The server has gone back at least once. */
  hasRewound = false;

  constructor(server: MemoryServer, plan: SourcePlan, conditions: Conditions) {
    this.#server = server;
    this.#plan = plan;
    this.#conditions = conditions;
    this.#archive = Array.from({ length: plan.partitions }, () => []);
  }

  get parts(): number {
    return this.#plan.isSingle ? 1 : this.#plan.partitions;
  }

  ownerOf(part: number): string {
    return rowOf(this.#server, { component: slice, partition: part })?.owner ?? "";
  }

  /** The number that a part's position says; 0 before the first append. */
  positionOf(part: number): number {
    const json = this.#server.keys.hash<string>(keyOf.state(part, slice, positionKey.store))?.get(positionKey.key);
    return json === undefined ? 0 : Number(readPosition(json).position);
  }

  /** A run has begun; the returned function says that it has ended. */
  began(host: Host, part: number, fence: Fence, position: string | undefined): () => void {
    this.#conditions.say(() => `run of ${part} on ${host.name} ${fence.token} from ${position ?? "the beginning"}`);
    const owner = this.ownerOf(part);
    if (!this.hasRewound && owner !== `${host.name}/${fence.token}`)
      this.#conditions.violated(`${host.name} begins a run of ${part}, and "${owner}" owns it`);
    const names = [`fence ${fence.token}`, `host ${host.name} ${part}`];
    const [ofFence = 0, ofHost = 0] = names.map((name) => this.#running.get(name) ?? 0);
    // One that does not end when it is told to is not waited for without an end.
    if (ofFence > 0 || (ofHost > 0 && this.#plan.deafMs < this.#plan.takeoverAfterMs))
      this.#conditions.violated(`${host.name} begins a run of ${part} while another one goes on there`);
    for (const name of names) this.#running.set(name, (this.#running.get(name) ?? 0) + 1);
    return () => {
      this.#conditions.say(() => `run of ${part} on ${host.name} has ended`);
      for (const name of names) this.#running.set(name, (this.#running.get(name) ?? 0) - 1);
    };
  }

  refusedOutside(host: Host, part: number, fence: Fence): void {
    if (this.ownerOf(part) === `${host.name}/${fence.token}`)
      this.#conditions.violated(`the outside refuses ${host.name}, which owns ${part}`);
  }

  /** Its run was told that it is written. */
  appended({ part, n }: Message): void {
    if (this.hasRewound || this.#conditions.isBlind) return;
    if (!this.#messages().some((message) => message.part === part && message.n === n))
      this.#conditions.violated(`${part}/${n} was appended and is not in the log`);
  }

  /** All that is in the log goes elsewhere. */
  trim(): void {
    if (this.#conditions.isBlind) return;
    this.#archive = this.#archive.map((before, partition) => {
      const stream = this.#server.keys.stream(keyOf.stream(partition, channelName));
      return stream === undefined ? before : [...before, ...stream.entries.splice(0)];
    });
  }

  /** As it is now; the returned function brings it back. */
  snapshot(): () => void {
    const [copy, archive] = [this.#server.keys.copy(), this.#archive];
    return () => {
      this.hasRewound = true;
      this.#archive = archive;
      this.#server.keys.restore(copy);
    };
  }

  /** After each change of the server's data. */
  look(): void {
    if (this.#conditions.isBlind) return;
    const numbers = Array.from({ length: this.parts }, (): number[] => []);
    for (const [partition, archived] of this.#archive.entries()) {
      const last = new Array<number>(this.parts).fill(0);
      for (const { part, n } of this.#messagesIn(partition, archived)) {
        if (n <= (last[part] as number)) this.#conditions.violated(`${part}/${n} comes after ${part}/${last[part]}`);
        last[part] = n;
        numbers[part]?.push(n);
      }
    }
    for (const [part, found] of numbers.entries()) {
      const position = this.positionOf(part);
      if (found.length !== position || new Set(found).size !== position || Math.max(0, ...found) !== position)
        this.#conditions.violated(`the position of ${part} is ${position}, and the log has ${found.join(" ")}`);
    }
  }

  #messages(): readonly Message[] {
    return this.#archive.flatMap((archived, partition) => this.#messagesIn(partition, archived));
  }

  #messagesIn(partition: number, archived: readonly Entry[]): readonly Message[] {
    const entries = this.#server.keys.stream(keyOf.stream(partition, channelName))?.entries ?? [];
    return [...archived, ...entries].map(messageOf);
  }
}

const parsed = new WeakMap<Entry, Message>();

function messageOf(entry: Entry): Message {
  const known = parsed.get(entry);
  if (known !== undefined) return known;
  const message = JSON.parse(entry.fields[entry.fields.indexOf("payload") + 1] as string) as Message;
  parsed.set(entry, message);
  return message;
}
