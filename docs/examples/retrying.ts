/** The guide's examples of retries and dead letters. test/docs/examples.test.ts runs it. */

import { connect } from "./connect.ts";

await using backbone = await connect();
let isMailServerUp = false;
const mailed: string[] = [];
function send(address: string, _effectId: string): void {
  if (!isMailServerUp) throw Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:25"), { code: "ECONNREFUSED" });
  mailed.push(address);
}

// #region retries
import { defineChannel, on, PermanentError } from "throughline";
import { z } from "zod";

const letters = defineChannel({
  name: "letters",
  schema: z.object({ id: z.string(), address: z.string() }),
  retry: { maxAttempts: 3, backoffMs: 20 }, // after 20 ms, then 40 ms; what fails a third time is a dead letter
});

const mailer = backbone.component("mailer", [
  on(letters, async ({ payload: letter }, { effectId }) => {
    if (!letter.address.includes("@")) throw new PermanentError(`"${letter.address}" is no address`); // no retry helps
    send(letter.address, effectId); // the id is the same on every attempt
  }),
]);
// #endregion retries

const running = mailer.run();
const bad = await backbone.publish(letters, { id: "l-1", address: "nowhere" });
const good = await backbone.publish(letters, { id: "l-2", address: "ann@example.org" });
console.log(await mailer.whenSettled(bad), await mailer.whenSettled(good));

// #region dead-letters
const dead = backbone.deadLetters({ channel: letters, component: "mailer" });
for await (const { entry, code, error } of dead.list()) {
  const { id } = JSON.parse(entry.envelope?.payload ?? "{}");
  console.log(`${id}: ${code} ${error}`);
}

isMailServerUp = true;
const { redriven } = await dead.redrive({ code: "ECONNREFUSED" }); // hands it back to the mailer, as a first attempt
console.log(`${redriven} redriven`);
// #endregion dead-letters

await mailer.whenIdle();
console.log(mailed);
await mailer.drain();
await running;
