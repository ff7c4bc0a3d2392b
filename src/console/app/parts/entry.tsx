/** An entry in full: its facts, its payload, its causes. */

import type { VNode } from "preact";
import type { EntryJson } from "../../../index.ts";
import type { ListedEntry } from "../../shapes.ts";
import { addressOf, storyAddress } from "../location.ts";
import { useAnswer } from "../server.ts";
import { Answer } from "./notes.tsx";
import { timed } from "./numbers.ts";
import { Block, Json, Text } from "./text.tsx";

/** The payload as it was written, or the fields of an entry that is no event. */
export function payloadOf(entry: EntryJson): string {
  if ("problem" in entry) return JSON.stringify(entry.fields);
  return entry.payloadText ?? JSON.stringify(entry.payload) ?? "";
}

/** Where the server has all of an entry. */
function entryAddress({ channel, partition, entryId }: EntryJson): string {
  return addressOf(["api", "entry"], { channel, partition: String(partition), id: entryId });
}

/** Links that search by an attribute. */
export function Attributes({ of }: { readonly of: Readonly<Record<string, string>> }): VNode {
  return (
    <>
      {Object.entries(of).map(([name, value]) => (
        <span key={name}>
          {value.split("|").map((one) => (
            <a key={one} class="code" href={addressOf(["search"], { q: `${name}=${one}` })}>
              <Text of={`${name}=${one}`} most={80} />
            </a>
          ))}{" "}
        </span>
      ))}
    </>
  );
}

/** All about an entry. A cut one is asked for anew, whole. */
export function EntryFacts({ entry }: { readonly entry: ListedEntry }): VNode {
  const whole = useAnswer<EntryJson>(entry.more === true ? entryAddress(entry) : undefined);
  if (entry.more === true) return <Answer of={whole}>{(all) => <Facts entry={all} />}</Answer>;
  return <Facts entry={entry} />;
}

function Facts({ entry }: { readonly entry: EntryJson }): VNode {
  const { channel, partition, entryId, appendedAt, id } = entry;
  return (
    <>
      <dl class="facts">
        <dt>entry</dt>
        <dd>
          <a href={addressOf(["channel", channel], { from: entryId })} class="code">
            {channel}/{entryId}
          </a>
          , partition {partition}
        </dd>
        <dt>appended</dt>
        <dd>{timed(appendedAt)} UTC</dd>
        <dt>event</dt>
        <dd class="code">
          <Text of={id} />
        </dd>
        {"problem" in entry ? null : <EventFacts entry={entry} />}
      </dl>
      {"problem" in entry ? (
        <>
          <p class="note bad">
            <Text of={entry.problem} most={1_000} />
          </p>
          <Json of={entry.fields} label={`Fields of ${entryId}`} />
        </>
      ) : entry.payloadText === undefined ? (
        <Json of={entry.payload} label={`Payload of ${entryId}`} />
      ) : (
        <Block of={entry.payloadText} label={`Payload of ${entryId}`} />
      )}
      <p>
        <a href={entryAddress(entry)} download={`${channel}-${entryId}.json`}>
          Save the entry as JSON
        </a>
      </p>
    </>
  );
}

function EventFacts({ entry }: { readonly entry: Exclude<EntryJson, { readonly problem: string }> }): VNode {
  const { key, time, version, baggage, causes, traceparent, extra } = entry;
  const traceId = traceparent.split("-")[1] ?? "";
  return (
    <>
      <dt>happened</dt>
      <dd>{timed(time)} UTC, by its producer</dd>
      {key === "" ? null : (
        <>
          <dt>key</dt>
          <dd>
            <Text of={key} />
          </dd>
        </>
      )}
      {version === undefined ? null : (
        <>
          <dt>version</dt>
          <dd>{version}</dd>
        </>
      )}
      {Object.keys(baggage).length === 0 ? null : (
        <>
          <dt>attributes</dt>
          <dd>
            <Attributes of={baggage} />
          </dd>
        </>
      )}
      {traceId === "" ? null : (
        <>
          <dt>trace</dt>
          <dd>
            <a class="code" href={addressOf(["search"], { q: `trace=${traceId}` })}>
              {traceId}
            </a>
          </dd>
        </>
      )}
      {causes.length === 0 ? null : (
        <>
          <dt>came from</dt>
          <dd>
            {causes.slice(0, 20).map(({ id }) => (
              <div key={id}>
                <a class="code" href={addressOf(["search"], { q: `id=${id}` })}>
                  <Text of={id} most={120} />
                </a>
              </div>
            ))}
            {causes.length > 20 ? <div>and {causes.length - 20} more</div> : null}
          </dd>
        </>
      )}
      {Object.entries(extra ?? {}).map(([name, value]) => (
        <Extra key={name} name={name} value={value} />
      ))}
    </>
  );
}

function Extra({ name, value }: { readonly name: string; readonly value: string }): VNode {
  return (
    <>
      <dt>
        <Text of={name} most={60} />
      </dt>
      <dd>
        <Text of={value} />
      </dd>
    </>
  );
}

/** A link to an entry's story. */
export function StoryLink({ entry }: { readonly entry: EntryJson }): VNode {
  return (
    <a href={storyAddress(entry)}>
      <Text of={entry.id} most={80} />
    </a>
  );
}
