/** What a contender is: for each work that it can do, a function that prepares a round, does it, and measures it. */

/** What is done in a round. */
export type Work =
  | "publish"
  | "publishEach"
  | "consume"
  | "transform"
  | "batch"
  | "components"
  | "members"
  | "drain"
  | "pipeline"
  | "latency"
  | "entryBytes"
  | "settle"
  | "acknowledge"
  | "record"
  | "import"
  | "tracing";

/** In which shape it is done, where a scenario compares shapes. */
export interface Shape {
  /** Publishes under way at once. */
  readonly atOnce?: number;
  /** Of the payload as JSON; default: an order of about 95. */
  readonly payloadBytes?: number;
  /** Components on the channel, each of which handles every event. */
  readonly components?: number;
  /** Members of the one component, a process each. */
  readonly members?: number;
  /** Backlogs that are drained one after the other. */
  readonly drains?: number;
  /** Of the generator. */
  readonly perSecond?: number;
}

/** One round's measurements by name. */
export type Sample = Readonly<Record<string, number>>;

export interface Task {
  readonly work: Work;
  /** Events in the round. */
  readonly count: number;
  readonly shape: Shape;
  /** Whether they are there when the round begins. */
  readonly isBacklog: boolean;
}

/** A round in a contender's process. The server has nothing but the backlog when it begins. */
export interface Round {
  readonly url: string;
  readonly count: number;
  readonly shape: Shape;
  readonly meter: Meter;
}

/** Clock and processor time around the part of a round that counts. */
export interface Meter {
  /** Reads the server's processor time. To be called when everything is prepared. */
  ready(): Promise<void>;
  /** The part that counts begins. Only the first call has an effect, so that each event may call it. */
  begin(): void;
  /**
   * The part that counts is over once the spans of it are with the receiver: rate, and processor time an event of this process and of
   * the server.
   */
  end(count: number): Promise<Sample>;
  /** Resolves when the group has no entry that is delivered and not acknowledged. */
  whenAcknowledged(stream: string, group: string): Promise<void>;
}

/** What a round finds when it begins. */
export interface Backlog {
  readonly url: string;
  readonly count: number;
  readonly shape: Shape;
  /** Which share of the events was sampled where it was published, 0 to 1. */
  readonly sampled: number;
}

export interface Contender {
  readonly works: Readonly<Partial<Record<Work, (round: Round) => Promise<Sample>>>>;
  /** Publishes a round's events beforehand. It runs in another process than the round, whose heap it would fill. */
  readonly backlog?: (backlog: Backlog) => Promise<void>;
  /** For a generator in another process. */
  readonly publisher?: (url: string) => Promise<Publisher>;
  /** Why it cannot take part on this machine; undefined when it can. */
  readonly absence?: () => Promise<string | undefined>;
}

export interface Publisher {
  /** Event `i`; resolves when it is acknowledged. */
  publish(i: number): Promise<unknown>;
  close(): Promise<void>;
}
