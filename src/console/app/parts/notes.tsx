/** Notes: what waits, what was refused, what is wrong. */

import { type ComponentChildren, createContext, type VNode } from "preact";
import { useContext, useEffect } from "preact/hooks";
import type { Asked } from "../server.ts";
import { Text } from "./text.tsx";

export function Problem({ text }: { readonly text: string }): VNode {
  return (
    <p class="note bad" role="alert">
      <Text of={text} most={1_000} />
    </p>
  );
}

/** Number of refusals that the view shows in place of answers: it is asked for anew when the namespace can be seen again. */
export const Refusals = createContext({ shown: 0 });

/** The sentence in place of what the view was to show. */
export function Refused({ text }: { readonly text: string }): VNode {
  const refusals = useContext(Refusals);
  useEffect(() => {
    refusals.shown++;
    return () => {
      refusals.shown--;
    };
  }, [refusals]);
  return <Problem text={text} />;
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
  if (of.state === "refused") return <Refused text={of.problem} />;
  return <>{children(of.value)}</>;
}
