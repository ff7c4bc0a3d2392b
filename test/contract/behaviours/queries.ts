/** What outsiders ask of a component. */

import * as assert from "uvu/assert";
import { StoreError } from "../../../src/model/errors.ts";
import type { Settlement } from "../../../src/ports/settle.ts";
import { acked, at, type Behaviour, batch, channel, component, entriesOf, own, refusal } from "../behaviour.ts";

export const queries: readonly Behaviour[] = [
  {
    name: "outsiders are told when the component has finished an entry, how, and when nothing is left",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const { signal } = new AbortController();
      const ref = (id: string, entryId: string) => ({ id, entryId, channel, traceparent: "" });
      const finished = harness.store.whenFinished(component, ref("e1", first), signal);
      const idle = harness.store.whenIdle(component, [channel], signal);
      const obituary = { errorCode: "EX", error: "", attempts: 1, traceparent: "" };
      const bury: Settlement = { kind: "buried", locks: [], entries: entriesOf([second]), obituary, isGone: false };
      await session.settle(claim, batch(1, [bury], at(second, [first], 2)));
      assert.is(await harness.store.whenFinished(component, ref("e2", second), signal), "deadLettered");
      await session.settle(claim, batch(2, [acked([first])], at(second, [], 2)));
      assert.is(await finished, "acked");
      await idle;
      const stop = new AbortController();
      await harness.append(channel, "e3");
      const waiting = harness.store.whenIdle(component, [channel], stop.signal);
      stop.abort(new StoreError("over"));
      await refusal(waiting);
    },
  },
];
