/** Notes: what waits, what was refused, what is wrong. */

import type { ComponentChildren, VNode } from "preact";
import type { Asked } from "../server.ts";
import { Text } from "./text.tsx";

export function Problem({ text }: { readonly text: string }): VNode {
  return (
    <p class="note bad" role="alert">
      <Text of={text} most={1_000} />
    </p>
  );
}

/** Shows an answer, or that it is waited for, or why there is none. */
export function Answer<T>({
  of,
  children,
}: {
  readonly of: Asked<T>;
  readonly children: (value: T) => ComponentChildren;
}): VNode {
  if (of.state === "waiting") return <p class="quiet">Reading …</p>;
  if (of.state === "refused") return <Problem text={of.problem} />;
  return <>{children(of.value)}</>;
}
