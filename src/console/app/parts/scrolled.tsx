/** A part of the page that scrolls by itself, by keyboard as well. */

import type { ComponentChildren, VNode } from "preact";

interface ScrolledProps {
  readonly kind: "block" | "scroll";
  /** The name of what is in it, or the id of its heading. */
  readonly label?: string | undefined;
  readonly headedBy?: string | undefined;
  readonly children: ComponentChildren;
}

export function Scrolled({ kind, label, headedBy, children }: ScrolledProps): VNode {
  return (
    <section class={kind} tabIndex={0} aria-label={label} aria-labelledby={headedBy}>
      {children}
    </section>
  );
}
