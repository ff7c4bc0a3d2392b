/** The view of a search: events as they are found, the newest first, how far it is, and a stop. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ListedEntry, SearchState } from "../../shapes.ts";
import { useStream } from "../live.ts";
import { addressOf } from "../location.ts";
import { payloadOf, StoryLink } from "../parts/entry.tsx";
import { Refused } from "../parts/notes.tsx";
import { counted, timed } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";

interface Found {
  readonly hits: readonly ListedEntry[];
  readonly progress: SearchState | undefined;
  readonly end: "stopped" | "done" | "full" | undefined;
  readonly problem: string;
}

const nothing: Found = { hits: [], progress: undefined, end: undefined, problem: "" };

/** `query` is also its key: another query begins anew. */
export function SearchView({ query }: { readonly query: string }): VNode {
  const [found, setFound] = useState(nothing);
  const isOver = found.end !== undefined || found.problem !== "";
  useStream(query === "" || isOver ? undefined : addressOf(["api", "search"], { q: query }), {
    // A stream that was closed in a background tab begins anew, and finds again what it had found.
    hit: (hit: ListedEntry) =>
      setFound((before) => {
        const isKnown = before.hits.some(({ entryId, channel }) => entryId === hit.entryId && channel === hit.channel);
        return isKnown ? before : { ...before, hits: [...before.hits, hit] };
      }),
    progress: (progress: SearchState) => setFound((before) => ({ ...before, progress })),
    done: ({ isAll }: { readonly isAll: boolean }) =>
      setFound((before) => ({ ...before, end: isAll ? "done" : "full" })),
    problem: ({ problem }: { readonly problem: string }) => setFound((before) => ({ ...before, problem })),
  });
  const { hits, progress, end, problem } = found;
  const oldest = hits.at(-1);
  return (
    <>
      <p>
        Events that match{" "}
        <strong>
          <Text of={query} />
        </strong>
      </p>
      {problem === "" ? null : <Refused text={problem} />}
      <div class="bar" role="status">
        <span>{stateText(found)}</span>
        {isOver ? null : (
          <button type="button" onClick={() => setFound((before) => ({ ...before, end: "stopped" }))}>
            Stop
          </button>
        )}
        {progress === undefined ? null : (
          <progress
            max={progress.total}
            value={end === "done" ? progress.total : progress.entries}
            aria-label="Entries read"
          />
        )}
        {oldest === undefined ? null : (
          <a href={addressOf(["story"], { q: query, from: oldest.entryId.replace(/-.*$/, "") })}>
            {hits.length === 1 ? "Its whole story" : "The whole story of all of these"}
          </a>
        )}
      </div>
      {hits.length === 0 ? null : (
        <Table
          name={{ label: "Events found" }}
          columns={["appended (UTC)", "channel", "event, to its story", { rare: "payload" }]}
        >
          {hits.map((hit) => (
            <tr key={`${hit.channel}/${hit.partition}/${hit.entryId}`}>
              <td class="code">{timed(hit.appendedAt)}</td>
              <td>
                <a href={addressOf(["channel", hit.channel], { from: hit.entryId })}>{hit.channel}</a>
              </td>
              <td class="wide">
                <StoryLink entry={hit} />
              </td>
              <td class="wide code rare">
                <Text of={payloadOf(hit)} most={160} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function stateText({ hits, progress, end, problem }: Found): string {
  const found = hits.length === 1 ? "1 event" : `${hits.length} events`;
  const read = progress === undefined ? "" : `${counted(progress.entries)} of ${counted(progress.total)} entries read`;
  if (problem !== "") return "";
  if (end === "done") return hits.length === 0 ? `No event matches. ${read}.` : `${found}. ${read}.`;
  if (end === "full") return `The newest ${found}. ${read}; older ones are not searched.`;
  const since = progress === undefined ? "" : `, back to ${timed(progress.backTo)}`;
  if (end === "stopped") return `${found}. Stopped: ${read}${since}.`;
  return `${found} so far. ${read === "" ? "Searching …" : `${read}${since} …`}`;
}
