/** The members of a component, as they see one another. */

import * as assert from "uvu/assert";
import { type Behaviour, component } from "../behaviour.ts";

export const presence: readonly Behaviour[] = [
  {
    name: "members' beats grow, who leaves says so, and who is forgotten is gone",
    run: async ({ store }) => {
      const presence = store.presence(component);
      assert.equal([...(await presence.beat("m1", "", []))], [["m1", { beat: 1, hasLeft: false }]]);
      await presence.beat("m2", "", []);
      await presence.beat("m1", "", []);
      await presence.leave("m2");
      const members = await store.presence(component).beat("m3", "", []);
      assert.equal(members.get("m1"), { beat: 2, hasLeft: false });
      assert.is(members.get("m2")?.hasLeft, true);
      assert.equal([...(await presence.beat("m3", "", ["m1", "m2"])).keys()], ["m3"]);
    },
  },
];
