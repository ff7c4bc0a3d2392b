/** A key of a component's state as a settlement left it, and what was there before. */

import type { VNode } from "preact";
import type { StateWrite } from "../../../replay.ts";
import { Json, Text } from "./text.tsx";

export interface KnownState extends StateWrite {
  readonly component: string;
  /** It was written by the last of the steps. */
  readonly isNew: boolean;
}

export function StateKey({ known }: { readonly known: KnownState }): VNode {
  const { component, store, key, isNew } = known;
  const label = `${component} ${store} ${key}`;
  const after = "after" in known ? <Json of={known.after} label={`${label} now`} /> : <p class="bad-text">deleted</p>;
  return (
    <section aria-label={label}>
      <h3>
        {component}: {store} <Text of={key} most={100} /> {isNew ? <span class="warn-text">changed</span> : null}
      </h3>
      {isNew ? (
        <div class="pair">
          <div>
            <p class="quiet">before</p>
            {"before" in known ? <Json of={known.before} label={`${label} before`} /> : <p>not there</p>}
          </div>
          <div>
            <p class="quiet">after</p>
            {after}
          </div>
        </div>
      ) : (
        after
      )}
    </section>
  );
}
