/** Text from outside: shown as it is, never as markup; characters that steer or reverse text are shown as escapes. */

import type { VNode } from "preact";
import { Scrolled } from "./scrolled.tsx";

/** Control and format characters, separators that break lines, and halves of surrogate pairs; line feeds and tabs only where lines are kept. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
const unsafeInLines = /(?:[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}])+/gu;

/** Longest text that is drawn at once, characters. */
const longest = 20_000;

function escapeOf(characters: string): string {
  let text = "";
  for (let i = 0; i < characters.length; i++) text += `\\u${characters.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

/** The text in pieces: plain ones, and escapes. */
function piecesOf(text: string, pattern: RegExp): readonly (string | VNode)[] {
  const pieces: (string | VNode)[] = [];
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > at) pieces.push(text.slice(at, found.index));
    pieces.push(<span class="escape">{escapeOf(found[0].slice(0, 200))}</span>);
    at = found.index + found[0].length;
  }
  pieces.push(text.slice(at));
  return pieces;
}

/** Text on one line, in a direction of its own. `most`: characters that are shown. */
export function Text({ of, most = 300 }: { readonly of: string; readonly most?: number }): VNode {
  const cut = of.length > most;
  return (
    <bdi class="text" title={cut ? `${of.length} characters` : undefined}>
      {piecesOf(cut ? of.slice(0, most) : of, unsafe)}
      {cut ? "…" : ""}
    </bdi>
  );
}

/** Text of many lines, such as a payload. A long one is cut, and says how much is missing. */
export function Block({ of, label }: { readonly of: string; readonly label: string }): VNode {
  const cut = of.length > longest;
  return (
    <Scrolled kind="block" label={label}>
      <pre>
        <bdi class="text">{piecesOf(cut ? of.slice(0, longest) : of, unsafeInLines)}</bdi>
        {cut ? `\n… ${(of.length - longest).toLocaleString("en-US")} more characters` : ""}
      </pre>
    </Scrolled>
  );
}

/** A value as indented JSON. */
export function Json({ of, label }: { readonly of: unknown; readonly label: string }): VNode {
  return <Block of={JSON.stringify(of, undefined, 2) ?? "undefined"} label={label} />;
}
