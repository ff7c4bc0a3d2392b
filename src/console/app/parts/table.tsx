/** A table that scrolls within the page, with its heads. */

import type { ComponentChildren, VNode } from "preact";
import { Scrolled } from "./scrolled.tsx";

/** A column: its head, or with `number` that of one whose cells are numbers; `rare`: left out on a narrow screen, where another view has it. */
export type Column = string | { readonly number: string } | { readonly rare: string };

interface TableProps {
  /** The table's name, or the id of the heading that names it. */
  readonly name: { readonly label: string } | { readonly headedBy: string };
  readonly columns: readonly (Column | false)[];
  readonly kind?: string;
  /** The rows. */
  readonly children: ComponentChildren;
}

export function Table({ name, columns, kind, children }: TableProps): VNode {
  const label = "label" in name ? name.label : undefined;
  const headedBy = "headedBy" in name ? name.headedBy : undefined;
  return (
    <Scrolled kind="scroll" label={label} headedBy={headedBy}>
      <table class={kind} aria-label={label} aria-labelledby={headedBy}>
        <thead>
          <tr>{columns.map((column) => (column === false ? null : <Head key={titleOf(column)} of={column} />))}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scrolled>
  );
}

function titleOf(column: Column): string {
  if (typeof column === "string") return column;
  return "number" in column ? column.number : column.rare;
}

function Head({ of }: { readonly of: Column }): VNode {
  const kind = typeof of === "string" ? undefined : "number" in of ? "number" : "rare";
  return (
    <th scope="col" class={kind}>
      {titleOf(of)}
    </th>
  );
}
