/**
 * The settlement log: a stream for each component, one entry a settle script, with the handler calls that it settled in their order.
 *
 * Field `calls`: a line for each run of calls on one channel, `<channel> <call> <call> …`; a call is the entry ids that one handler had,
 * separated by commas. An id without milliseconds has those of the id before it. Field `without`, where it is needed: `<stream>/<entry id>`
 * of what was sent with the others and not settled. Field `buried`: `<channel> <entry id>` of a dead letter.
 */

import type { RecordedSettlement, SettledCall } from "../../model/recorded-settlement.ts";
import type { DeliveryId } from "../../ports/store.ts";
import type { ArgWriter } from "../client/argument-writer.ts";
import type { Keys } from "../keys.ts";

/** Writes the field `calls` of one script as an argument. */
export class CallsWriter {
  readonly #writer: ArgWriter;
  #channel = "";
  /** Of the id before, with the dash after them. */
  #milliseconds = "-";

  constructor(writer: ArgWriter) {
    this.#writer = writer;
    writer.open();
  }

  /** One call. Its deliveries are of one channel. */
  add(deliveries: readonly DeliveryId[]): void {
    for (let i = 0; i < deliveries.length; i++) {
      const { channel, entryId } = deliveries[i] as DeliveryId;
      if (channel !== this.#channel) {
        if (this.#channel !== "") this.#writer.part("\n");
        this.#writer.part(channel);
        this.#writer.part(" ");
        this.#channel = channel;
      } else this.#writer.part(i === 0 ? " " : ",");
      if (entryId.startsWith(this.#milliseconds)) this.#writer.part(entryId.slice(this.#milliseconds.length - 1));
      else {
        this.#writer.part(entryId);
        this.#milliseconds = entryId.slice(0, entryId.indexOf("-") + 1);
      }
    }
  }

  end(): void {
    this.#writer.close();
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
