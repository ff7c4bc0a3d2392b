/** The dialog before an action on dead letters: its dry run with the counts, then the deed, then what came of it. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DeadLetterAction, DeadLetterOutcome } from "../../shapes.ts";
import { order } from "../server.ts";
import { Problem } from "./notes.tsx";
import { Text } from "./text.tsx";

export interface Deed {
  readonly kind: "redrive" | "purge";
  readonly of: Omit<DeadLetterAction, "dryRun" | "to">;
  /** What it is about, after the verb. */
  readonly title: string;
}

/** The text of each outcome, after the number of letters. */
const outcomes: Readonly<Record<string, readonly [would: string, did: string]>> = {
  redriven: ["would be handed back to the component", "were handed back to the component"],
  purged: ["would be removed for good", "were removed for good"],
  gone: ["are gone by now", "were gone: somebody else has redriven or purged them"],
  trimmed: [
    "would stay: their entries are no longer in the channel",
    "stayed: their entries are no longer in the channel",
  ],
  open: ["would stay: the component has their entries in hand", "stayed: the component has their entries in hand"],
  undelivered: [
    "would stay: the component stands before their entries and reads on from there",
    "stayed: the component stands before their entries and reads on from there",
  ],
  unreadable: ["would stay: they do not say which entry died", "stayed: they do not say which entry died"],
};

/** Sentences about an outcome. */
function linesOf({ outcomes: counts }: DeadLetterOutcome, isDone: boolean): readonly string[] {
  return Object.entries(counts).map(([name, count]) => `${count} ${outcomes[name]?.[isDone ? 1 : 0] ?? name}`);
}

interface DeedDialogProps {
  readonly deed: Deed;
  /** Called with what was done; without a text, nothing was. */
  readonly end: (text?: string) => void;
}

export function DeedDialog({ deed, end }: DeedDialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [rehearsed, setRehearsed] = useState<DeadLetterOutcome | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const [isUnderWay, setUnderWay] = useState(false);
  const address = `/api/dead/${deed.kind}`;
  useEffect(() => {
    dialog.current?.showModal();
    order<DeadLetterOutcome>(address, { ...deed.of, dryRun: true }).then(setRehearsed, (error: Error) =>
      setProblem(error.message),
    );
  }, [address, deed]);
  const perform = (): void => {
    if (rehearsed === undefined) return;
    setUnderWay(true);
    order<DeadLetterOutcome>(address, { ...deed.of, dryRun: false, to: rehearsed.to }).then(
      (outcome) =>
        end(outcome.matched === 0 ? "There was nothing left to do." : `${linesOf(outcome, true).join("; ")}.`),
      (error: Error) => {
        setUnderWay(false);
        setProblem(error.message);
      },
    );
  };
  const acting = rehearsed?.outcomes[deed.kind === "redrive" ? "redriven" : "purged"] ?? 0;
  const verb = deed.kind === "redrive" ? "Redrive" : "Purge";
  return (
    <dialog ref={dialog} aria-labelledby="deed" onClose={() => end()}>
      <h2 id="deed">
        {verb} <Text of={deed.title} />
      </h2>
      <p>
        {deed.kind === "redrive"
          ? "The component gets each event again, as a first attempt; no other component does."
          : "Purged letters are gone for good."}
      </p>
      {rehearsed === undefined && problem === "" ? <p role="status">Counting, without doing anything …</p> : null}
      {rehearsed === undefined ? null : (
        <ul aria-label="What would be done">
          {rehearsed.matched === 0 ? <li>No letter matches any more.</li> : null}
          {linesOf(rehearsed, false).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {problem === "" ? null : <Problem text={problem} />}
      <div class="bar">
        <button
          type="button"
          class={deed.kind === "redrive" ? "strong" : "danger"}
          disabled={acting === 0 || isUnderWay}
          onClick={perform}
        >
          {isUnderWay ? "Doing it …" : `${verb} ${acting === 1 ? "1 letter" : `${acting} letters`}`}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          {problem === "" ? "Do nothing" : "Close"}
        </button>
      </div>
    </dialog>
  );
}
