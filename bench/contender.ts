/**
 * The interface of a contender: for each work that it can do, a function that prepares a round, does it, and measures
 * it.
 */

/** The kinds of work in a round. */
export type Work =
  | "publish"
  | "publishEach"
  | "consume"
  | "transform"
  | "batch"
  | "state"
  | "components"
  | "members"
  | "membersWaiting"
  | "contention"
  | "drain"
  | "pipeline"
  | "roundTrip"
  | "latency"
  | "entryBytes"
  | "record"
  | "import"
  | "tracing";

/** The shape of a work, where a scenario compares shapes. */
export interface Shape {
  /** Number of publishes under way at once. */
  readonly atOnce?: number;
  /** Size of the payload as JSON, bytes; default: an order of about 95. */
  readonly payloadBytes?: number;
  /** Number of components on the channel; each handles every event. */
  readonly components?: number;
  /** Number of members of the one component, a process each. */
  readonly members?: number;
  /** Number of partitions of the namespace. Default 1. */
  readonly partitions?: number;
  /** Number of backlogs that are drained one after the other. */
  readonly drains?: number;
  /** Rate of the generator, events a second. */
  readonly perSecond?: number;
}

/** One round's measurements by name. */
export type Sample = Readonly<Record<string, number>>;

export interface Task {
  readonly work: Work;
  /** Number of events in the round. */
  readonly count: number;
  readonly shape: Shape;
  /** True when the events are there before the round begins. */
  readonly isBacklog: boolean;
}

/** A round in a contender's process. When it begins, the server has nothing but the backlog. */
export interface Round {
  readonly url: string;
  readonly count: number;
  readonly shape: Shape;
  readonly meter: Meter;
}

/** Measures clock and processor time of the part of a round that counts. */
export interface Meter {
  /** Reads the server's processor time. Called when everything is prepared. */
  ready(): Promise<void>;
  /** Begins the part that counts. Only the first call has an effect, so that each event may call it. */
  begin(): void;
  /**
   * Ends the part that counts, once its spans are with the receiver. Resolves with the rate, and the processor time an
   * event of this process and of the server.
   */
  end(count: number): Promise<Sample>;
  /** Resolves when the group stands at the end of its stream and has no entry that is delivered and not acknowledged. */
  whenAcknowledged(stream: string, group: string): Promise<void>;
}

/** The argument of `backlog`. */
export interface Backlog {
  readonly url: string;
  readonly count: number;
  readonly shape: Shape;
  /** Share of the events that were sampled where they were published, 0 to 1. */
  readonly sampled: number;
}

export interface Contender {
  readonly works: Readonly<Partial<Record<Work, (round: Round) => Promise<Sample>>>>;
  /** Publishes a round's events beforehand. It runs in another process than the round, whose heap it would fill. */
  readonly backlog?: (backlog: Backlog) => Promise<void>;
  /** Opens a publisher for the generator, which is another process. */
  readonly publisher?: (url: string) => Promise<Publisher>;
  /** Resolves with the reason why the contender cannot take part on this machine; undefined when it can. */
  readonly absence?: () => Promise<string | undefined>;
}

export interface Publisher {
  /** Publishes event `i`; resolves when it is acknowledged. */
  publish(i: number): Promise<unknown>;
  close(): Promise<void>;
}
