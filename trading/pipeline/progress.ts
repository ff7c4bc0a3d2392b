/** Shows the progress of a run: a bar where a person watches, else a plain line from time to time. */

import cliProgress, { type SingleBar } from "cli-progress";
import { escaped } from "throughline/cli";
import { counted } from "./count-text.ts";

export interface ProgressState {
  readonly orders: number;
  /** Shares of the orders that this run has taken in; `doneQuantity` of them are executed or rejected. */
  readonly quantity: number;
  readonly doneQuantity: number;
}

/** The run's output while it runs: on standard error, as standard output is for the summary. */
export interface Progress extends Disposable {
  /** Writes one line for the person, above the bar. */
  say(line: string): void;
  show(state: ProgressState): void;
}

const plainIntervalMs = 2_000;

/** Opens a progress. Its disposal removes the bar, so that later output begins on a line of its own. */
export function openProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? openBar(stream) : openLines(stream);
}

function openBar(stream: NodeJS.WriteStream): Progress {
  const bars = new cliProgress.MultiBar({
    stream,
    format: "{bar} {percentage}%  {amounts}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  let bar: SingleBar | undefined;
  return {
    say: (line) => {
      if (bar === undefined) stream.write(`${escaped(line)}\n`);
      else bars.log(`${escaped(line)}\n`);
    },
    show: (state) => {
      if (state.quantity === 0) return;
      bar ??= bars.create(state.quantity, 0, { amounts: "" });
      bar.setTotal(state.quantity);
      bar.update(doneOf(state), { amounts: amountsOf(state) });
    },
    [Symbol.dispose]: () => bars.stop(),
  };
}

function openLines(stream: NodeJS.WriteStream): Progress {
  let last = "";
  let dueAt = performance.now() + plainIntervalMs;
  const say = (line: string): void => void stream.write(`${escaped(line)}\n`);
  return {
    say,
    show: (state) => {
      if (performance.now() < dueAt) return;
      dueAt = performance.now() + plainIntervalMs;
      const line = amountsOf(state);
      if (line !== last) say(line);
      last = line;
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** The done shares, at most those taken in: this run also finishes orders of an earlier one. */
function doneOf({ quantity, doneQuantity }: ProgressState): number {
  return Math.min(doneQuantity, quantity);
}

function amountsOf(state: ProgressState): string {
  const orders = `${counted(state.orders)} orders in`;
  if (state.quantity === 0) return orders;
  return `${counted(doneOf(state))} of ${counted(state.quantity)} shares done, ${orders}`;
}
