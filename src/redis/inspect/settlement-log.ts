/**
 * The settlement log: a stream for each component, with one entry for each settle script. An entry lists the handler
 * calls that the script settled, in their order.
 *
 * Field `calls`: a line for each run of calls on one channel, `<channel> <call> <call> …`. A call is the ids of the
 * entries that one handler call had, separated by commas. An id that begins with its dash has the milliseconds of the
 * id before it. Field `without`, where it is needed: `<stream>/<entry id>` of each entry that was sent with the others
 * and not settled. Field `buried`: `<channel> <entry id> <id of the dead letter>`. How the handlers ran: settled-runs.ts.
 */

import type { RecordedSettlement, SettledCall } from "../../model/recorded-settlement.ts";
import type { DeliveryId } from "../../ports/delivery.ts";
import type { ArgWriter } from "../client/argument-writer.ts";
import type { Keys } from "../keys.ts";
import { parseFailed, parseOwner, parseRun } from "./settled-runs.ts";

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
  const fieldOf = (name: string): string | undefined => {
    for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
    return undefined;
  };
  const settlement = { component, partition, entryId };
  const buried = fieldOf("buried");
  if (buried !== undefined) {
    const [channel = "", id = "", deadId] = buried.split(" ", 3);
    const call = { channel, entryIds: [id], outcome: "deadLettered" as const };
    return { ...settlement, calls: [deadId === undefined ? call : { ...call, deadId }] };
  }
  const failed = fieldOf("failed");
  const owner = parseOwner(fieldOf("owner") ?? "");
  return {
    ...settlement,
    calls: callsOf(keys, partition, fieldOf("calls") ?? "", fieldOf("without") ?? "", fieldOf("runs") ?? ""),
    ...(failed === undefined ? {} : { failed: parseFailed(failed) }),
    ...(owner === undefined ? {} : { owner }),
  };
}

function callsOf(
  keys: Keys,
  partition: number,
  text: string,
  without: string,
  runsText: string,
): readonly SettledCall[] {
  if (text === "") return [];
  const runs = runsText === "" ? [] : runsText.split(" ");
  let place = 0;
  const unsettled = new Set(without.split(" "));
  const calls: SettledCall[] = [];
  let ms = "";
  for (const line of text.split("\n")) {
    const [channel = "", ...ofChannel] = line.split(" ");
    const stream = keys.stream(partition, channel);
    for (const call of ofChannel) {
      const run = parseRun(runs[place++]);
      const entryIds: string[] = [];
      for (const id of call.split(",")) {
        const full = id.startsWith("-") ? `${ms}${id}` : id;
        ms = full.slice(0, full.indexOf("-"));
        if (!unsettled.has(`${stream}/${full}`)) entryIds.push(full);
      }
      if (entryIds.length === 0) continue;
      calls.push({ channel, entryIds, outcome: "acked", ...(run === undefined ? {} : { run }) });
    }
  }
  return calls;
}
