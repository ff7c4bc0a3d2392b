/** What a contender is: for each work that it can do, a function that prepares a round, does it, and measures it. */

/** What is done in a round. */
export type Work = "publish" | "consume" | "transform" | "tracing";

/** One round's measurements by name. */
export type Sample = Readonly<Record<string, number>>;

export interface Task {
  readonly work: Work;
  /** Events in the round. */
  readonly count: number;
  /** Whether they are there when the round begins. */
  readonly isBacklog: boolean;
}

/** A round in a contender's process. The server has nothing but the backlog when it begins. */
export interface Round {
  readonly url: string;
  readonly count: number;
  readonly meter: Meter;
}

/** Clock and processor time around the part of a round that counts. */
export interface Meter {
  /** Reads the server's processor time. To be called when everything is prepared. */
  ready(): Promise<void>;
  /** The part that counts begins. Only the first call has an effect, so that each event may call it. */
  begin(): void;
  /** The part that counts is over: rate, and processor time an event of this process and of the server. */
  end(count: number): Promise<Sample>;
  /** Resolves when the group has no entry that is delivered and not acknowledged. */
  whenAcknowledged(stream: string, group: string): Promise<void>;
}

export interface Contender {
  readonly works: Readonly<Partial<Record<Work, (round: Round) => Promise<Sample>>>>;
  /** Publishes a round's events beforehand. It runs in another process than the round, whose heap it would fill. */
  readonly backlog?: (url: string, count: number) => Promise<void>;
}
