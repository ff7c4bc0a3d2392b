/** The view of dead letters: groups, each letter whole, and redrive and purge of one, of a selection, or of a group. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { About, DeadLetterGroups, DeadLetterPage } from "../../shapes.ts";
import { addressOf, type Route } from "../location.ts";
import { Chart } from "../parts/chart.tsx";
import { type Deed, DeedDialog } from "../parts/deed.tsx";
import { LetterTable } from "../parts/letters.tsx";
import { Answer } from "../parts/notes.tsx";
import { counted, timed } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";
import { useAnswer } from "../server.ts";

interface DeadLettersViewProps {
  readonly route: Route;
  readonly about: About;
}

export function DeadLettersView({ route, about }: DeadLettersViewProps): VNode {
  const [deed, setDeed] = useState<Deed | undefined>(undefined);
  const [done, setDone] = useState(0);
  const [said, setSaid] = useState("");
  const groups = useAnswer<DeadLetterGroups>("/api/dead/groups", done);
  const { channel, component, code, letter } = Object.fromEntries(route.query) as Readonly<Record<string, string>>;
  const isChosen = component !== undefined || channel !== undefined;
  return (
    <>
      {about.allowActions ? null : (
        <p class="note">
          The console only reads. Started with <code>--allow-actions</code>, it redrives and purges, too.
        </p>
      )}
      <p role="status">{said}</p>
      <Answer of={groups}>{(found) => <Groups found={found} canAct={about.allowActions} begin={setDeed} />}</Answer>
      {isChosen ? (
        <Letters
          key={`${channel} ${component} ${code} ${letter}`}
          filter={{ channel, component, code, letter }}
          canAct={about.allowActions}
          begin={setDeed}
          again={done}
        />
      ) : null}
      {deed === undefined ? null : (
        <DeedDialog
          deed={deed}
          end={(text) => {
            setDeed(undefined);
            if (text !== undefined) {
              setSaid(text);
              setDone(done + 1);
            }
          }}
        />
      )}
    </>
  );
}

interface GroupsProps {
  readonly found: DeadLetterGroups;
  readonly canAct: boolean;
  readonly begin: (deed: Deed) => void;
}

function Groups({ found, canAct, begin }: GroupsProps): VNode {
  const { total, isWhole, groups, perMinute } = found;
  if (total === 0) return <p class="good-text">There are no dead letters.</p>;
  return (
    <>
      <p>
        {isWhole ? "" : "More than "}
        {counted(total)} dead letters in {groups.length} groups.
      </p>
      <Chart
        title="Died a minute"
        times={perMinute.map(([at]) => at)}
        series={[{ name: "letters/min", color: "bad", values: perMinute.map(([, count]) => count) }]}
      />
      <Table
        name={{ label: "Groups of dead letters" }}
        columns={["component", "channel", "code", { number: "letters" }, "died (UTC)", canAct && "actions"]}
      >
        {groups.map(({ channel, component, code, count, oldestAt, newestAt }) => (
          <tr key={`${channel} ${component} ${code}`}>
            <td>
              <a href={addressOf(["component", component])}>{component}</a>
            </td>
            <td>
              <a href={addressOf(["channel", channel])}>{channel}</a>
            </td>
            <td>
              <a href={addressOf(["dead"], { channel, component, code })}>
                <Text of={code === "" ? "(none)" : code} most={60} />
              </a>
            </td>
            <td class="number">{counted(count)}</td>
            <td>
              {timed(oldestAt)}
              {newestAt === oldestAt ? null : ` to ${timed(newestAt)}`}
            </td>
            {canAct ? (
              <td>
                <button
                  type="button"
                  onClick={() =>
                    begin({
                      kind: "redrive",
                      of: { channel, component, code },
                      title: `all ${code} of ${component} on ${channel}`,
                    })
                  }
                >
                  Redrive all …
                </button>{" "}
                <button
                  type="button"
                  class="danger"
                  onClick={() =>
                    begin({
                      kind: "purge",
                      of: { channel, component, code },
                      title: `all ${code} of ${component} on ${channel}`,
                    })
                  }
                >
                  Purge all …
                </button>
              </td>
            ) : null}
          </tr>
        ))}
      </Table>
    </>
  );
}

interface LettersProps {
  readonly filter: Readonly<Record<"channel" | "component" | "code" | "letter", string | undefined>>;
  readonly canAct: boolean;
  readonly begin: (deed: Deed) => void;
  readonly again: number;
}

/** The letters of one group. */
function Letters({ filter, canAct, begin, again }: LettersProps): VNode {
  const [from, setFrom] = useState<string | undefined>(undefined);
  const page = useAnswer<DeadLetterPage>(addressOf(["api", "dead"], { ...filter, from }), again);
  const { channel, component, code } = filter;
  const of = { ...(channel === undefined ? {} : { channel }), ...(component === undefined ? {} : { component }) };
  return (
    <section aria-label="Letters of the group">
      <h2>
        {component ?? "All"} on {channel ?? "all channels"} <Text of={code ?? ""} />
      </h2>
      <Answer of={page}>
        {({ letters, hasMore }) => (
          <>
            <LetterTable
              letters={letters}
              opened={filter.letter}
              canAct={canAct}
              begin={(kind, ids, title) => begin({ kind, of: { ...of, ids }, title })}
            />
            <div class="bar">
              {from === undefined ? null : (
                <button type="button" onClick={() => setFrom(undefined)}>
                  The oldest
                </button>
              )}
              {hasMore ? (
                <button type="button" onClick={() => setFrom(letters.at(-1)?.id)}>
                  Newer
                </button>
              ) : null}
            </div>
          </>
        )}
      </Answer>
    </section>
  );
}
