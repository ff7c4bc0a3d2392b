/** The difference of a component replay: which orders, which fields, old and new side by side. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Difference, EventDifference } from "../../../replay.ts";
import { addressOf } from "../location.ts";
import { counted } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import { Text } from "../parts/text.tsx";

export function DifferenceView({ difference }: { readonly difference: Difference }): VNode {
  const [filter, setFilter] = useState("");
  const { isSame, channels, events, outcomes, concerned, notes } = difference;
  const isShown = ({ about }: Pick<EventDifference, "about">): boolean =>
    filter === "" ||
    Object.entries(about).some(([name, values]) => values.some((one) => `${name}=${one}`.includes(filter)));
  return (
    <>
      <p class={isSame ? "good-text" : "bad-text"}>{isSame ? "They are the same." : "They differ."}</p>
      {notes.map((note) => (
        <p key={note} class="note warn">
          <Text of={note} most={1_000} />
        </p>
      ))}
      <Table
        name={{ label: "Events by channel" }}
        columns={["channel", ...["same", "changed", "missing", "added"].map((number) => ({ number }))]}
      >
        {Object.entries(channels).map(([channel, { same, changed, missing, added }]) => (
          <tr key={channel}>
            <td>{channel}</td>
            {[same, changed, missing, added].map((count, i) => (
              // The four columns have no other name than their place.
              <td
                key={["same", "changed", "missing", "added"][i]}
                class={`number ${i > 0 && count > 0 ? "bad-text" : ""}`}
              >
                {counted(count)}
              </td>
            ))}
          </tr>
        ))}
      </Table>
      {Object.keys(concerned).length === 0 ? null : <Concerned of={concerned} choose={setFilter} />}
      {events.length + outcomes.length === 0 ? null : (
        <div class="bar">
          <label>
            Only about{" "}
            <input
              value={filter}
              placeholder="payment.id=p-2"
              onInput={({ currentTarget }) => setFilter(currentTarget.value.trim())}
            />
          </label>
        </div>
      )}
      {outcomes.filter(isShown).map(({ component, channel, eventId, recorded, replayed, error, about }) => (
        <p key={eventId} class="note bad">
          {channel} <EventLink id={eventId} /> <About of={about} />: {component} {recorded} it then, and {replayed} now.{" "}
          <Text of={error ?? ""} />
        </p>
      ))}
      <Fields events={events.filter(isShown)} />
    </>
  );
}

function Concerned({
  of,
  choose,
}: {
  readonly of: Difference["concerned"];
  readonly choose: (filter: string) => void;
}): VNode {
  return (
    <dl class="facts" aria-label="What the differences are about">
      {Object.entries(of).map(([name, values]) => (
        <ConcernedRow key={name} name={name} values={values} choose={choose} />
      ))}
    </dl>
  );
}

interface ConcernedRowProps {
  readonly name: string;
  readonly values: readonly string[];
  readonly choose: (filter: string) => void;
}

const maxNamed = 16;

function ConcernedRow({ name, values, choose }: ConcernedRowProps): VNode {
  return (
    <>
      <dt>
        <Text of={name} /> ({counted(values.length)})
      </dt>
      <dd>
        {values.slice(0, maxNamed).map((value) => (
          <span key={value}>
            <button type="button" class="link" onClick={() => choose(`${name}=${value}`)}>
              <Text of={value} most={60} />
            </button>{" "}
          </span>
        ))}
        {values.length > maxNamed ? `and ${counted(values.length - maxNamed)} more` : ""}
      </dd>
    </>
  );
}

function EventLink({ id }: { readonly id: string }): VNode {
  return (
    <a href={addressOf(["search"], { q: `id=${id}` })}>
      <Text of={id} most={40} />
    </a>
  );
}

function About({ of }: { readonly of: EventDifference["about"] }): VNode {
  const texts = Object.entries(of).map(([name, values]) => `${name} ${values.slice(0, 3).join(", ")}`);
  return <Text of={texts.join("; ")} most={120} />;
}

const maxRows = 300;

function Fields({ events }: { readonly events: readonly EventDifference[] }): VNode | null {
  if (events.length === 0) return null;
  return (
    <>
      <Table
        name={{ label: "Differences, old and new side by side" }}
        columns={["difference", "event", "about", "field", "recorded", "replayed"]}
      >
        {events.slice(0, maxRows).flatMap(({ kind, channel, recorded, replayed, about, fields }) => {
          const id = (recorded ?? replayed)?.eventId ?? "";
          const rows = fields.length === 0 ? [undefined] : fields;
          return rows.map((field, i) => (
            <tr key={`${kind} ${id} ${field?.path}`}>
              <td>{i === 0 ? kind : ""}</td>
              <td>{i === 0 ? [`${channel} `, <EventLink key={id} id={id} />] : ""}</td>
              <td>{i === 0 ? <About of={about} /> : ""}</td>
              <td class="code">{field === undefined ? "" : <Text of={field.path} />}</td>
              <td class="code">
                <Text of={field === undefined ? thereText(recorded) : valueText(field.recorded)} />
              </td>
              <td class="code">
                <Text of={field === undefined ? thereText(replayed) : valueText(field.replayed)} />
              </td>
            </tr>
          ));
        })}
      </Table>
      {events.length > maxRows ? <p>and {counted(events.length - maxRows)} more events</p> : null}
    </>
  );
}

function thereText(event: unknown): string {
  return event === undefined ? "-" : "there";
}

function valueText(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
