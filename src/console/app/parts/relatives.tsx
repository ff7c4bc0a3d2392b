/** Where an event came from, and what came of it. */

import type { VNode } from "preact";
import type { StoryRow } from "../../shapes.ts";
import { addressOf } from "../location.ts";
import { Text } from "./text.tsx";
import { nameOf } from "./waterfall.tsx";

interface RelativesProps {
  readonly node: StoryRow;
  readonly rows: readonly StoryRow[];
  readonly choose: (step: string) => void;
}

/** Both directions of a step: a link to each cause and to each consequence. */
export function Relatives({ node, rows, choose }: RelativesProps): VNode {
  const { children } = node;
  const causes = [node.parent, ...node.otherCauses].filter((id) => id !== null);
  const link = (id: string): VNode => {
    const row = rows.find(({ event }) => event.id === id);
    if (row === undefined) {
      return (
        <a href={addressOf(["search"], { q: `id=${id}` })}>
          <Text of={id} most={60} />
        </a>
      );
    }
    return (
      <button type="button" class="link" onClick={() => choose(nameOf(row))}>
        {row.event.channel} <Text of={id} most={60} />
      </button>
    );
  };
  return (
    <dl class="facts">
      {causes.length === 0 ? null : <dt>came from</dt>}
      {causes.length === 0 ? null : (
        <dd>
          {causes.slice(0, 12).map((id) => (
            <div key={id}>{link(id)}</div>
          ))}
          {causes.length > 12 ? <div>and {causes.length - 12} more, which were handled together</div> : null}
        </dd>
      )}
      {children.length === 0 ? null : <dt>led to</dt>}
      {children.length === 0 ? null : (
        <dd>
          {children.slice(0, 40).map((id) => (
            <div key={id}>{link(id)}</div>
          ))}
          {children.length > 40 ? <div>and {children.length - 40} more</div> : null}
        </dd>
      )}
      {node.replays.length === 0 ? null : <dt>replayed</dt>}
      {node.replays.length === 0 ? null : (
        <dd>
          {node.replays.map(({ run, namespace, channel, entryId }) => (
            <div key={`${run}${entryId}`}>
              by {run} as {channel}/{entryId} in {namespace}
            </div>
          ))}
        </dd>
      )}
      {node.copies.length === 0 ? null : <dt>appended twice</dt>}
      {node.copies.length === 0 ? null : (
        <dd>
          {node.copies.map((copy) => (
            <div key={copy}>
              <Text of={copy} />
            </div>
          ))}
        </dd>
      )}
      {node.replayOf === null ? null : <dt>replay of</dt>}
      {node.replayOf === null ? null : (
        <dd>
          <Text of={node.replayOf.originalId} />, run {node.replayOf.run}
        </dd>
      )}
    </dl>
  );
}
