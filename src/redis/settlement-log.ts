/**
 * The settlement log: a stream for each component, one entry a settle script, with the handler calls that it settled in their order.
 *
 * Field `calls`: a line for each run of calls on one channel, `<channel> <call> <call> …`; a call is the entry ids that one handler had,
 * separated by commas. An id without milliseconds has those of the id before it. Field `without`, where it is needed: `<stream>/<entry id>`
 * of what was sent with the others and not settled. Field `buried`: `<channel> <entry id>` of a dead letter.
 */

import type { RecordedSettlement, SettledCall } from "../observe/settlements.ts";
import type { DeliveryId } from "../ports.ts";
import type { Keys } from "./keys.ts";

/** Writes the field `calls` of one script. */
export class CallsText {
  #text = "";
  #channel = "";
  #ms = "";

  /** One call. Its deliveries are of one channel. */
  add(deliveries: readonly DeliveryId[]): void {
    for (let i = 0; i < deliveries.length; i++) {
      const { channel, entryId } = deliveries[i] as DeliveryId;
      if (channel !== this.#channel) {
        this.#text += this.#text === "" ? `${channel} ` : `\n${channel} `;
        this.#channel = channel;
      } else this.#text += i === 0 ? " " : ",";
      const dash = entryId.indexOf("-");
      const ms = entryId.slice(0, dash);
      this.#text += ms === this.#ms ? entryId.slice(dash) : entryId;
      this.#ms = ms;
    }
  }

  toString(): string {
    return this.#text;
  }
}

/** One entry of the log. `fields` are names and values in turn; somebody else's hold no calls. */
export function parseSettlement(
  keys: Keys,
  partition: number,
  component: string,
  entryId: string,
  fields: readonly string[],
): RecordedSettlement {
  const [name, text = "", , without = ""] = fields;
  if (name === "buried") {
    const [channel = "", id = ""] = text.split(" ", 2);
    return { component, partition, entryId, calls: [{ channel, entryIds: [id], outcome: "deadLettered" }] };
  }
  if (name !== "calls") return { component, partition, entryId, calls: [] };
  const unsettled = new Set(without.split(" "));
  const calls: SettledCall[] = [];
  let ms = "";
  for (const line of text.split("\n")) {
    const [channel = "", ...ofChannel] = line.split(" ");
    const stream = keys.stream(partition, channel);
    for (const call of ofChannel) {
      const entryIds: string[] = [];
      for (const id of call.split(",")) {
        const full = id.startsWith("-") ? `${ms}${id}` : id;
        ms = full.slice(0, full.indexOf("-"));
        if (!unsettled.has(`${stream}/${full}`)) entryIds.push(full);
      }
      if (entryIds.length > 0) calls.push({ channel, entryIds, outcome: "acked" });
    }
  }
  return { component, partition, entryId, calls };
}
