/** A list of a channel's entries, which open in full. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ListedEntry } from "../../shapes.ts";
import { Attributes, EntryFacts, payloadOf, StoryLink } from "./entry.tsx";
import { clocked, timed } from "./numbers.ts";
import { Table } from "./table.tsx";
import { Text } from "./text.tsx";

/** The name of an entry within its channel. */
export function idOf({ partition, entryId }: ListedEntry): string {
  return `${partition}/${entryId}`;
}

/** The entries; each opens in full below its row. `fresh`: how many of the first came while one looked. */
export function Entries({
  entries,
  fresh,
}: {
  readonly entries: readonly ListedEntry[];
  readonly fresh: number;
}): VNode {
  const [open, setOpen] = useState("");
  if (entries.length === 0) return <p>There are no such entries.</p>;
  return (
    <Table
      name={{ label: "Entries, the newest first" }}
      columns={["appended (UTC)", { rare: "key" }, "event, to its story", { rare: "attributes" }, { rare: "payload" }]}
    >
      {entries.map((entry, i) => (
        <EntryRow
          key={idOf(entry)}
          entry={entry}
          isFresh={i < fresh}
          isOpen={open === idOf(entry)}
          toggle={() => setOpen(open === idOf(entry) ? "" : idOf(entry))}
        />
      ))}
    </Table>
  );
}

interface EntryRowProps {
  readonly entry: ListedEntry;
  readonly isFresh: boolean;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function EntryRow({ entry, isFresh, isOpen, toggle }: EntryRowProps): VNode {
  return (
    <>
      <tr class={isFresh ? "new" : ""}>
        <td class="code">
          <button type="button" class="link" aria-expanded={isOpen} title={timed(entry.appendedAt)} onClick={toggle}>
            {clocked(entry.appendedAt)}
          </button>
        </td>
        <td class="rare">{"problem" in entry ? "" : <Text of={entry.key} most={40} />}</td>
        <td class="wide">
          <StoryLink entry={entry} />
        </td>
        <td class="wide rare">{"problem" in entry ? "" : <Attributes of={entry.baggage} />}</td>
        <td class={`wide code ${"problem" in entry ? "" : "rare"}`}>
          {"problem" in entry ? <span class="bad-text">unreadable: </span> : null}
          <Text of={"problem" in entry ? entry.problem : payloadOf(entry)} most={160} />
        </td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={5}>
            <EntryFacts entry={entry} />
          </td>
        </tr>
      ) : null}
    </>
  );
}
