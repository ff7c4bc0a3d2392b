/** The abort signal of SIGTERM and Ctrl-C, at the first signal and at later ones. */

import { mock } from "node:test";
import * as assert from "uvu/assert";
import { stopSignal } from "../../src/service/stop-signal.ts";
import { test } from "../support/test.ts";

/** Runs with a clock of the test's own; `exits` collects the codes with which the process would have ended. */
function withSignals(run: (at: (ms: number, name: NodeJS.Signals) => void, exits: readonly unknown[]) => void): void {
  const names = ["SIGINT", "SIGTERM"] as const;
  const before = names.map((name) => process.listeners(name));
  const exits: unknown[] = [];
  let now = 0;
  const clock = mock.method(performance, "now", () => now);
  const exit = mock.method(process, "exit", (code: unknown) => void exits.push(code));
  try {
    run((ms, name) => {
      now = ms;
      process.emit(name, name);
    }, exits);
  } finally {
    exit.mock.restore();
    clock.mock.restore();
    for (const [i, name] of names.entries()) {
      for (const listener of process.listeners(name))
        if (!before[i]?.includes(listener)) process.removeListener(name, listener);
    }
  }
}

test("the first signal aborts, and says which one it was", () => {
  withSignals((at, exits) => {
    const told: string[] = [];
    const signal = stopSignal((name) => told.push(name));
    assert.is(signal.aborted, false);
    at(1_000, "SIGTERM");
    assert.equal([signal.aborted, told, exits], [true, ["SIGTERM"], []]);
  });
});

test("a Ctrl-C that npm passes on as well counts once, and a later one ends the process", () => {
  withSignals((at, exits) => {
    stopSignal();
    at(1_000, "SIGINT");
    at(1_100, "SIGINT");
    assert.equal(exits, []);
    at(2_000, "SIGINT");
    assert.equal(exits, [130]);
  });
});

test("a later SIGTERM ends the process with a code of its own", () => {
  withSignals((at, exits) => {
    stopSignal();
    at(1_000, "SIGINT");
    at(2_000, "SIGTERM");
    assert.equal(exits, [143]);
  });
});
