/** Answers in the order of the calls: an answer that came after those of later calls would tell of what is past. */

/** A call that is not answered. */
interface Call {
  /** Set once its answer is here. */
  answered: (() => void) | undefined;
  /** Others need not wait for it. */
  isOvertaken: boolean;
  readonly reject: (reason: Error) => void;
}

export class AnswerQueue {
  readonly #calls: Call[] = [];
  #end: Error | undefined;

  /** Why no call is answered any more; undefined while calls are. */
  get end(): Error | undefined {
    return this.#end;
  }

  /** Resolves or rejects as the answer does, once all calls before are answered. `ask` is given what lets later calls be answered first. */
  add<T>(ask: (overtake: () => void) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(this.#end);
        return;
      }
      const call: Call = { answered: undefined, isOvertaken: false, reject };
      this.#calls.push(call);
      const settle = (answered: () => void): void => {
        call.answered = answered;
        this.#answer();
      };
      const overtake = (): void => {
        call.isOvertaken = true;
        this.#answer();
      };
      ask(overtake).then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** Rejects all that is unanswered, and all that comes. */
  close(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    for (const { reject } of this.#calls.splice(0)) reject(reason);
  }

  #answer(): void {
    let place = 0;
    for (let call = this.#calls[0]; call !== undefined; call = this.#calls[place]) {
      if (call.answered !== undefined) {
        this.#calls.splice(place, 1);
        call.answered();
      } else if (call.isOvertaken) place++;
      else return;
    }
  }
}
