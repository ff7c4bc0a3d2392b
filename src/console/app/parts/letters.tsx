/** A table of dead letters, which open in full and can be selected. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { DeadLetterJson } from "../../../index.ts";
import { addressOf } from "../location.ts";
import { EntryFacts, StoryLink } from "./entry.tsx";
import { timed } from "./numbers.ts";
import { Table } from "./table.tsx";
import { Block, Text } from "./text.tsx";

interface LetterTableProps {
  readonly letters: readonly DeadLetterJson[];
  /** The letter that is open at first. */
  readonly opened: string | undefined;
  readonly canAct: boolean;
  readonly begin: (kind: "redrive" | "purge", ids: readonly string[], title: string) => void;
}

export function LetterTable({ letters, opened, canAct, begin }: LetterTableProps): VNode {
  const [open, setOpen] = useState(opened);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  if (letters.length === 0) return <p>There are no such letters: they were redriven or purged, or never were.</p>;
  const there = letters.filter(({ id }) => selected.has(id)).map(({ id }) => id);
  const toggle = (ids: readonly string[], isOn: boolean): void => {
    const next = new Set(selected);
    for (const id of ids) {
      if (isOn) next.add(id);
      else next.delete(id);
    }
    setSelected(next);
  };
  const title = there.length === 1 ? "the selected letter" : `the ${there.length} selected letters`;
  return (
    <>
      {canAct ? (
        <div class="bar">
          <label>
            <input
              type="checkbox"
              checked={there.length === letters.length}
              onChange={({ currentTarget }) =>
                toggle(
                  letters.map(({ id }) => id),
                  currentTarget.checked,
                )
              }
            />{" "}
            all of this page
          </label>
          <button type="button" disabled={there.length === 0} onClick={() => begin("redrive", there, title)}>
            Redrive selected …
          </button>
          <button
            type="button"
            class="danger"
            disabled={there.length === 0}
            onClick={() => begin("purge", there, title)}
          >
            Purge selected …
          </button>
        </div>
      ) : null}
      <Table
        name={{ label: "Dead letters, the oldest first" }}
        columns={[canAct && "select", "died (UTC)", "event, to its story", { number: "attempts" }, "error"]}
      >
        {letters.map((letter) => (
          <LetterRow
            key={`${letter.channel} ${letter.component} ${letter.partition} ${letter.id}`}
            letter={letter}
            isOpen={open === letter.id}
            toggleOpen={() => setOpen(open === letter.id ? undefined : letter.id)}
            select={canAct ? (isOn) => toggle([letter.id], isOn) : undefined}
            isSelected={selected.has(letter.id)}
          />
        ))}
      </Table>
    </>
  );
}

interface LetterRowProps {
  readonly letter: DeadLetterJson;
  readonly isOpen: boolean;
  readonly toggleOpen: () => void;
  readonly select: ((isOn: boolean) => void) | undefined;
  readonly isSelected: boolean;
}

function LetterRow({ letter, isOpen, toggleOpen, select, isSelected }: LetterRowProps): VNode {
  const { id, diedAt, attempts, code, error, event } = letter;
  return (
    <>
      <tr>
        {select === undefined ? null : (
          <td>
            <input
              type="checkbox"
              aria-label={`Select letter ${id}`}
              checked={isSelected}
              onChange={({ currentTarget }) => select(currentTarget.checked)}
            />
          </td>
        )}
        <td class="code">
          <button type="button" class="link" aria-expanded={isOpen} onClick={toggleOpen}>
            {timed(diedAt)}
          </button>
        </td>
        <td class="wide">
          <StoryLink entry={event} />
        </td>
        <td class="number">{attempts}</td>
        <td class="wide">
          <strong>
            <Text of={code} most={60} />
          </strong>{" "}
          <Text of={error} most={200} />
        </td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={select === undefined ? 4 : 5}>
            <LetterFacts letter={letter} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

function LetterFacts({ letter }: { readonly letter: DeadLetterJson }): VNode {
  const { id, channel, component, partition, entryId, firstAt, diedAt, traceparent, fieldsCut, error, event } = letter;
  const traceId = traceparent.split("-")[1] ?? "";
  return (
    <>
      <Block of={error} label={`Error of letter ${id}`} />
      <dl class="facts">
        <dt>letter</dt>
        <dd class="code">{id}</dd>
        <dt>given up by</dt>
        <dd>
          <a href={addressOf(["component", component])}>{component}</a>, partition {partition}
        </dd>
        <dt>first failed</dt>
        <dd>{timed(firstAt)} UTC</dd>
        <dt>died</dt>
        <dd>{timed(diedAt)} UTC</dd>
        {entryId === "" ? <dt>entry</dt> : null}
        {entryId === "" ? <dd>The letter does not say which entry of {channel} died.</dd> : null}
        {traceId === "" ? null : <dt>trace</dt>}
        {traceId === "" ? null : (
          <dd>
            <a class="code" href={addressOf(["search"], { q: `trace=${traceId}` })}>
              {traceId}
            </a>
          </dd>
        )}
        {fieldsCut === 0 ? null : <dt>cut</dt>}
        {fieldsCut === 0 ? null : <dd>{fieldsCut} fields of the event were not kept.</dd>}
      </dl>
      <EntryFacts entry={event} />
    </>
  );
}
