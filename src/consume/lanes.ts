/** Runs tasks by their keys: those that share a key one after the other, in the order in which they came; the others at once. */

import { listOf } from "../model/single-item-list.ts";
import { RollingMap } from "./rolling-map.ts";

export interface LaneTask {
  /** The keys that it needs for itself. None: it waits for nothing but a free slot. */
  readonly keys: readonly string[];
  /** Set by the lanes: how many of its keys have another task before it. */
  blockedBy: number;
  /** Handles its own errors: one that it does not handle ends the process, whether it was thrown at once or later. */
  run(): void | Promise<void>;
  /** It has run, and the next one of its keys may. */
  ended(): void;
}

/**
 * A task starts when it is first in line for each of its keys and fewer than `concurrency` run. Since a task joins all its lines
 * at once, two tasks stand in the same order in every line that they share, so they cannot wait for each other.
 */
export class Lanes {
  readonly #concurrency: number;
  /** For each key the tasks in line, the running one first. A key without tasks has no line. */
  readonly #lines = new RollingMap<string, LaneTask[]>();
  /** First in all their lines, waiting for a slot, in order. */
  #startable: LaneTask[] = [];
  /** Tasks that must run alone. While there are any, nothing else starts. */
  #alone: LaneTask[] = [];
  /** The task that is just being started, while it is not in its lines. */
  #starting: LaneTask | undefined;
  #running = 0;
  #runningAlone: LaneTask | undefined;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  add(task: LaneTask): void {
    if (this.#starting !== undefined) {
      // It has added another: from now on it stands in its lines, before that one.
      this.#enter(this.#starting);
      this.#starting = undefined;
    } else if (this.#mayStart(task)) {
      this.#startAtOnce(task);
      this.#startWhatMay();
      return;
    }
    this.#enter(task);
    if (task.blockedBy === 0) this.#startable.push(task);
    this.#startWhatMay();
  }

  /** Runs the task when nothing else runs, before anything that waits. */
  addAlone(task: LaneTask): void {
    this.#alone.push(task);
    this.#startWhatMay();
  }

  /** Whether nothing is before it: no other of a key, nobody who waits for a slot, none that must run alone. */
  #mayStart({ keys }: LaneTask): boolean {
    if (this.#running >= this.#concurrency || this.#startable.length > 0) return false;
    if (this.#alone.length > 0 || this.#runningAlone !== undefined) return false;
    for (const key of keys) if (this.#lines.has(key)) return false;
    return true;
  }

  /** Most tasks have ended when they return, and nobody has come meanwhile: those never stand in a line. */
  #startAtOnce(task: LaneTask): void {
    this.#running++;
    this.#starting = task;
    const ended = this.#outcomeOf(task);
    const isInLine = this.#starting !== task;
    this.#starting = undefined;
    if (ended !== undefined) {
      if (!isInLine) this.#enter(task);
      this.#endLater(ended, task);
    } else if (isInLine) this.#end(task);
    else {
      this.#running--;
      task.ended();
    }
  }

  #enter(task: LaneTask): void {
    for (const key of task.keys) {
      const line = this.#lines.get(key);
      if (line === undefined) this.#lines.add(key, listOf(task));
      else {
        line.push(task);
        task.blockedBy++;
      }
    }
  }

  #startWhatMay(): void {
    while (this.#runningAlone === undefined) {
      if (this.#alone.length > 0) {
        if (this.#running > 0) return;
        this.#runningAlone = this.#alone.shift() as LaneTask;
        this.#launch(this.#runningAlone);
      } else if (this.#startable.length > 0 && this.#running < this.#concurrency)
        this.#launch(this.#startable.shift() as LaneTask);
      else return;
    }
  }

  #launch(task: LaneTask): void {
    this.#running++;
    const ended = this.#outcomeOf(task);
    if (ended === undefined) this.#end(task);
    else this.#endLater(ended, task);
  }

  /** Whoever added the task is not to be told of its error. */
  #outcomeOf(task: LaneTask): void | Promise<void> {
    try {
      return task.run();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #endLater(ended: Promise<void>, task: LaneTask): void {
    const over = (): void => {
      this.#end(task);
      this.#startWhatMay();
    };
    // Not `finally`, which makes three promises of one.
    ended.then(over, (error: unknown) => {
      over();
      throw error;
    });
  }

  #end(task: LaneTask): void {
    this.#running--;
    if (task === this.#runningAlone) this.#runningAlone = undefined;
    else for (const key of task.keys) this.#leave(key);
    task.ended();
  }

  #leave(key: string): void {
    const line = this.#lines.get(key) as LaneTask[];
    line.shift();
    const next = line[0];
    if (next === undefined) this.#lines.delete(key);
    else if (--next.blockedBy === 0) this.#startable.push(next);
  }
}
