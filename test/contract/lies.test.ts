/** A store that lies does not keep the contract: each lie is forbidden by a behaviour, which tells it by its name. */

import * as assert from "uvu/assert";
import type { Link } from "../../src/memory/link.ts";
import { LocalLink } from "../../src/memory/local-link.ts";
import { test } from "../support/test.ts";
import { behaviours } from "./behaviours.ts";
import { MemoryHarness } from "./memory-harness.ts";

/** Does each call twice, as a layer below would that sends again what it has no answer to. */
class TwiceLink extends LocalLink {
  override call<T>(run: () => T): Promise<T> {
    return super.call(() => {
      run();
      return run();
    });
  }
}

/** Gives each other answer after the one that comes after it. */
class SwappingLink extends LocalLink {
  #calls = 0;
  #next = Promise.withResolvers<void>();

  override async call<T>(run: () => T): Promise<T> {
    const isHeld = ++this.#calls % 2 === 1;
    const next = this.#next;
    if (!isHeld) this.#next = Promise.withResolvers<void>();
    const answer = await super.call(run);
    // Calls that are answered in turn are made in one turn of the loop: if none has come by the next one, none will.
    if (isHeld) await Promise.race([next.promise, new Promise(setImmediate)]);
    else next.resolve();
    return answer;
  }
}

/** Answers a call with what it has answered the last one that was asked in the same words. */
class StaleLink extends LocalLink {
  readonly #answers = new Map<string, unknown>();

  override async call<T>(run: () => T): Promise<T> {
    const answer = await super.call(run);
    const before = this.#answers.has(String(run)) ? this.#answers.get(String(run)) : answer;
    this.#answers.set(String(run), answer);
    return before as T;
  }
}

/** Answers although it is closed. */
class LateLink extends LocalLink {
  override async call<T>(run: () => T): Promise<T> {
    return run();
  }
}

/** Gives what was read last once more. */
class RereadingLink extends LocalLink {
  #before: unknown;

  override async wait<T>(run: Parameters<Link["wait"]>[0]): Promise<T> {
    const answer = await super.wait(run);
    const given = Array.isArray(this.#before) && Array.isArray(answer) ? [...this.#before, ...answer] : answer;
    this.#before = answer;
    return given as T;
  }
}

const lies: readonly (readonly [lie: string, openLink: () => Link, forbiddenBy: string])[] = [
  ["does calls twice", () => new TwiceLink(), "no call is done twice"],
  ["answers out of order", () => new SwappingLink(), "calls are answered in their order, each with its own answer"],
  ["answers from the past", () => new StaleLink(), "no answer is older than its question, nor from another epoch"],
  ["answers too late", () => new LateLink(), "of a session that is closed every call rejects"],
  [
    "reads twice",
    () => new RereadingLink(),
    "who reads on from the last entry is given each once, in the order of the log",
  ],
];

for (const [lie, openLink, forbiddenBy] of lies) {
  test(`a store that ${lie} breaks "${forbiddenBy}"`, async () => {
    const behaviour = behaviours.find(({ name }) => name === forbiddenBy);
    assert.ok(behaviour, "there is no such behaviour");
    await using honest = new MemoryHarness();
    await behaviour.run(honest);
    await using lying = new MemoryHarness(openLink);
    const verdict = await behaviour.run(lying).then(
      () => "it was believed",
      () => "it was told",
    );
    assert.is(verdict, "it was told");
  });
}
