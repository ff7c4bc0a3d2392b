/**
 * The settlement log: a stream for each component, with one entry for each settle script. An entry lists the handler
 * calls that the script settled, in their order.
 *
 * Field `calls`: a line for each run of calls on one channel, `<channel> <call> <call> …`. A call is the ids of the
 * entries that one handler call had, separated by commas. An id that begins with its dash has the milliseconds of the
 * id before it. Field `without`, where it is needed: `<stream>/<entry id>` of each entry that was sent with the others
 * and not settled. Field `buried`: `<channel> <entry id>` of a dead letter.
 */

import type { RecordedSettlement, SettledCall } from "../../model/recorded-settlement.ts";
import type { DeliveryId } from "../../ports/delivery.ts";
import type { ArgWriter } from "../client/argument-writer.ts";
import type { Keys } from "../keys.ts";

/** Writes the field `calls` of one script as an argument. */
export class CallsWriter {
  readonly #writer: ArgWriter;
  #channel = "";
  /** The milliseconds of the id before, with the dash after them. */
  #milliseconds = "-";

  constructor(writer: ArgWriter) {
    this.#writer = writer;
    writer.open();
  }

  /** Adds one call. Its deliveries are of one channel. */
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

/**
 * Decodes one entry of the log. `fields` alternates names and values; an entry that others have written holds no calls.
 */
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
