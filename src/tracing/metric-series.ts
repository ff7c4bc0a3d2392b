/** Values of metrics by their dimensions, each always the same object. No dimension is an entry, a user or an order id. */

import type { Attributes, ObservableResult } from "@opentelemetry/api";
import { attribute, type ServerAddress } from "./attributes.ts";

/** Most error types of one series: they may come from users' error codes, and so be of any number. */
const maxErrorTypes = 1_000;
/** The conventions' value for an error that none of the others stands for. */
const otherError = "_OTHER";

/** Values that share their dimensions. */
export class Series {
  /** Always the same object, so that nobody has to compare its content. */
  readonly dimensions: Attributes;
  /** The number of events. */
  count = 0;
  readonly #failed = new Map<string, Series>();

  constructor(dimensions: Attributes) {
    this.dimensions = Object.freeze(dimensions);
  }

  /** The series of failures of this type; undefined stands for success. */
  of(errorType: string | undefined): Series {
    if (errorType === undefined) return this;
    const known = this.#failed.get(errorType);
    if (known !== undefined) return known;
    if (this.#failed.size >= maxErrorTypes && errorType !== otherError) return this.of(otherError);
    const failed = new Series({ ...this.dimensions, [attribute.errorType]: errorType });
    this.#failed.set(errorType, failed);
    return failed;
  }

  observe(result: ObservableResult): void {
    if (this.count > 0) result.observe(this.count, this.dimensions);
    for (const failed of this.#failed.values()) failed.observe(result);
  }
}

/** What the series of one server have in common; undefined: the server is not known. */
function serverDimensions(server: ServerAddress | undefined): Attributes {
  if (server === undefined) return {};
  const { address, port } = server;
  return { [attribute.serverAddress]: address, ...(port !== undefined && { [attribute.serverPort]: port }) };
}

/** Series by server, for as many as the process has backbones. */
class ByServer<S extends { observe(result: ObservableResult): void }> {
  readonly #make: (dimensions: Attributes) => S;
  readonly #series = new Map<string, S>();

  constructor(make: (dimensions: Attributes) => S) {
    this.#make = make;
  }

  at(server: ServerAddress | undefined): S {
    const key = server === undefined ? "" : `${server.address} ${server.port ?? ""}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = this.#make(serverDimensions(server));
    this.#series.set(key, made);
    return made;
  }

  observe(result: ObservableResult): void {
    for (const series of this.#series.values()) series.observe(result);
  }
}

export class ServersSends extends ByServer<SendSeries> {
  constructor() {
    super((dimensions) => new SendSeries(dimensions));
  }
}

export class ServersAttempts extends ByServer<AttemptSeries> {
  constructor() {
    super((dimensions) => new AttemptSeries(dimensions));
  }
}

/** The sent events of each channel. */
export class SendSeries {
  readonly #server: Attributes;
  readonly #series = new Map<string, Series>();

  constructor(server: Attributes) {
    this.#server = server;
  }

  of(channel: string): Series {
    const known = this.#series.get(channel);
    if (known !== undefined) return known;
    const series = new Series({
      [attribute.system]: "redis",
      [attribute.operationName]: "send",
      [attribute.operationType]: "send",
      [attribute.channel]: channel,
      ...this.#server,
    });
    this.#series.set(channel, series);
    return series;
  }

  observe(result: ObservableResult): void {
    for (const series of this.#series.values()) series.observe(result);
  }
}

/** The attempts of each channel and component. */
export class AttemptSeries {
  readonly #server: Attributes;
  readonly #series = new Map<string, Map<string, Series>>();

  constructor(server: Attributes) {
    this.#server = server;
  }

  of(channel: string, component: string): Series {
    return this.#series.get(channel)?.get(component) ?? this.#add(channel, component);
  }

  observe(result: ObservableResult): void {
    for (const byComponent of this.#series.values()) {
      for (const series of byComponent.values()) series.observe(result);
    }
  }

  #add(channel: string, component: string): Series {
    const series = new Series({
      [attribute.system]: "redis",
      [attribute.operationName]: "process",
      [attribute.operationType]: "process",
      [attribute.channel]: channel,
      [attribute.component]: component,
      ...this.#server,
    });
    const byComponent = this.#series.get(channel) ?? new Map<string, Series>();
    this.#series.set(channel, byComponent.set(component, series));
    return series;
  }
}

/** The dimensions of components, of their partitions, and of channels in them: always the same objects. */
export class SliceSeries {
  readonly #dimensions = new Map<string, Attributes>();

  of(component: string, partition?: number, channel?: string): Attributes {
    const name = `${partition ?? ""} ${component} ${channel ?? ""}`;
    const known = this.#dimensions.get(name);
    if (known !== undefined) return known;
    const dimensions = Object.freeze({
      [attribute.system]: "redis",
      ...(channel === undefined ? {} : { [attribute.operationName]: "process", [attribute.channel]: channel }),
      [attribute.component]: component,
      ...(partition === undefined ? {} : { [attribute.partition]: String(partition) }),
    });
    this.#dimensions.set(name, dimensions);
    return dimensions;
  }
}
