/** Scenarios fit together: whoever takes part can do the work, and aims name who takes part. */

import * as assert from "uvu/assert";
import { load } from "../../bench/contenders.ts";
import { scenarios } from "../../bench/scenarios/index.ts";
import { test } from "../support/test.ts";

test("names are unique, of scenarios and of a scenario's entrants", () => {
  const lists = [scenarios, ...scenarios.map(({ entrants }) => entrants)];
  for (const list of lists) {
    const names = list.map(({ name }) => name);
    assert.equal(names, [...new Set(names)]);
  }
});

test("aims and references name entrants, and an aim has a bound", () => {
  for (const { name, entrants, references, aims } of scenarios) {
    const known = new Set(entrants.map((entrant) => entrant.name));
    for (const reference of references) assert.ok(known.has(reference), `${name}: ${reference}`);
    for (const { of, against = of, atLeast, atMost } of aims) {
      assert.ok(known.has(of) && known.has(against), `${name}: ${of} against ${against}`);
      assert.ok(atLeast !== undefined || atMost !== undefined, `${name}: an aim without a bound`);
    }
  }
});

test("every entrant can do its scenario's work, and publish its backlog", async () => {
  for (const { name, work, isBacklog, entrants } of scenarios) {
    for (const { contender } of entrants) {
      const { works, backlog } = await load(contender);
      assert.type(works[work], "function", `${name}: ${contender} cannot do ${work}`);
      // A recording is published from a file, and needs none.
      if (isBacklog && work !== "publish") assert.type(backlog, "function", `${name}: ${contender} has no backlog`);
    }
  }
});
