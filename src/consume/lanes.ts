/** Runs tasks by their keys: those that share a key one after the other, in the order in which they came; the others at once. */

import { RollingMap } from "./rolling-map.ts";

/** Something to run, with the keys that it needs for itself. No keys: it waits for nothing but a free slot. */
class Waiting<T> {
  readonly task: T;
  readonly keys: readonly string[];
  /** How many of its keys have another task before it. 0: it waits for a slot only. */
  blockedBy = 0;

  constructor(task: T, keys: readonly string[]) {
    this.task = task;
    this.keys = keys;
  }
}

/**
 * A task starts when it is first in line for each of its keys and fewer than `concurrency` run. Since a task joins all its lines
 * at once, two tasks stand in the same order in every line that they share, so they cannot wait for each other.
 */
export class Lanes<T> {
  readonly #concurrency: number;
  readonly #run: (task: T) => void | Promise<void>;
  /** For each key the tasks in line, the running one first. A key without tasks has no line. */
  readonly #lines = new RollingMap<string, Waiting<T>[]>();
  /** First in all their lines, waiting for a slot, in order. */
  #startable: Waiting<T>[] = [];
  /** Tasks that must run alone. While there are any, nothing else starts. */
  #alone: T[] = [];
  /** All that wait, in any of the above. */
  readonly #waiting = new RollingMap<Waiting<T>, Waiting<T>>();
  /** The keys of the task that is just being started, while it is not in its lines; undefined while none is. */
  #startingKeys: readonly string[] | undefined;
  /** Its place in its lines, once it has one. */
  #starting: Waiting<T> | undefined;
  #running = 0;
  #runningAlone = false;
  #whenQuiet: (() => void)[] = [];

  constructor(concurrency: number, run: (task: T) => void | Promise<void>) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  /** Tasks that have not started. */
  get waiting(): number {
    return this.#waiting.size + this.#alone.length;
  }

  get running(): number {
    return this.#running;
  }

  add(task: T, keys: readonly string[]): void {
    if (this.#startingKeys !== undefined) this.#enterStarting(task);
    else if (this.#mayStart(keys)) {
      this.#startAtOnce(task, keys);
      this.#start();
      return;
    }
    const waiting = new Waiting(task, keys);
    for (const key of keys) {
      const line = this.#lines.get(key);
      if (line === undefined) this.#lines.set(key, [waiting]);
      else {
        line.push(waiting);
        waiting.blockedBy++;
      }
    }
    this.#waiting.set(waiting, waiting);
    if (waiting.blockedBy === 0) this.#startable.push(waiting);
    this.#start();
  }

  /** Runs the task when nothing else runs, before anything that waits. */
  addAlone(task: T): void {
    this.#alone.push(task);
    this.#start();
  }

  /** Takes out everything that has not started. */
  clear(): T[] {
    const waiting = this.#waiting.values();
    const tasks = waiting.map(({ task }) => task).concat(this.#alone);
    for (const { keys } of waiting) {
      for (const key of keys) {
        const line = (this.#lines.get(key) ?? []).filter((one) => !this.#waiting.has(one));
        if (line.length === 0) this.#lines.delete(key);
        else this.#lines.set(key, line);
      }
    }
    this.#waiting.clear();
    this.#startable = [];
    this.#alone = [];
    return tasks;
  }

  /** Resolves when nothing runs. */
  quiet(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  /** Whether nothing is before a task with these keys: no other of a key, nobody who waits for a slot, none that must run alone. */
  #mayStart(keys: readonly string[]): boolean {
    if (this.#running >= this.#concurrency || this.#startable.length > 0) return false;
    if (this.#alone.length > 0 || this.#runningAlone) return false;
    for (const key of keys) if (this.#lines.has(key)) return false;
    return true;
  }

  /** Most tasks have ended when they return, and nobody has come meanwhile: those never stand in a line. */
  #startAtOnce(task: T, keys: readonly string[]): void {
    this.#running++;
    this.#startingKeys = keys;
    const ended = this.#outcomeOf(task);
    const waiting = this.#starting;
    this.#startingKeys = undefined;
    this.#starting = undefined;
    if (ended !== undefined) this.#endLater(ended, waiting ?? this.#enter(task, keys));
    else if (waiting === undefined) this.#running--;
    else this.#end(waiting);
  }

  /** A task that is being started has added another: from now on it stands in its lines, before it. */
  #enterStarting(task: T): void {
    this.#starting ??= this.#enter(task, this.#startingKeys ?? []);
  }

  #enter(task: T, keys: readonly string[]): Waiting<T> {
    const waiting = new Waiting(task, keys);
    for (const key of keys) this.#lines.set(key, [waiting]);
    return waiting;
  }

  #start(): void {
    this.#startWhatMay();
    if (this.#running === 0 && this.#whenQuiet.length > 0) for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }

  #startWhatMay(): void {
    while (!this.#runningAlone) {
      if (this.#alone.length > 0) {
        if (this.#running > 0) return;
        this.#runningAlone = true;
        this.#launch(this.#alone.shift() as T, undefined);
      } else if (this.#startable.length > 0 && this.#running < this.#concurrency) {
        const next = this.#startable.shift() as Waiting<T>;
        this.#waiting.delete(next);
        this.#launch(next.task, next);
      } else return;
    }
  }

  #launch(task: T, waiting: Waiting<T> | undefined): void {
    this.#running++;
    const ended = this.#outcomeOf(task);
    if (ended === undefined) this.#end(waiting);
    else this.#endLater(ended, waiting);
  }

  // `run` handles its own errors; a lane that stopped for one would hold its key for ever. One that it does not handle ends the process,
  // whether it was thrown at once or later: whoever added the task is not to be told of it.
  #outcomeOf(task: T): void | Promise<void> {
    try {
      return this.#run(task);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #endLater(ended: Promise<void>, waiting: Waiting<T> | undefined): void {
    const over = (): void => {
      this.#end(waiting);
      this.#start();
    };
    // Not `finally`, which makes three promises of one.
    ended.then(over, (error: unknown) => {
      over();
      throw error;
    });
  }

  #end(waiting: Waiting<T> | undefined): void {
    this.#running--;
    if (waiting === undefined) this.#runningAlone = false;
    else this.#leave(waiting);
  }

  #leave({ keys }: Waiting<T>): void {
    for (const key of keys) {
      const line = this.#lines.get(key);
      if (line === undefined) continue;
      line.shift();
      const next = line[0];
      if (next === undefined) this.#lines.delete(key);
      else if (--next.blockedBy === 0) this.#startable.push(next);
    }
  }
}
