/** Encodes attributes as OTLP's `KeyValue`s. Keys, and attributes that many spans share, are encoded once. */

import type { Attributes, AttributeValue } from "@opentelemetry/api";
import { Wire } from "./protobuf-writer.ts";

interface Key {
  /** The key's own number while the key is kept; −1 for a key that is not. */
  readonly number: number;
  /** The key encoded as field 1 of a `KeyValue`. */
  readonly bytes: Uint8Array;
}

/** The encoded form of attributes that return as the same object. */
export interface Shared {
  readonly attributes: Attributes;
  readonly bytes: Uint8Array;
  readonly count: number;
  /** 1 at the number of each key of these attributes. */
  readonly keys: Uint8Array;
}

/** Most keys kept. A backbone has some forty; other code may invent keys for each span. */
const maxKeys = 1_000;
/** Most bytes of a `KeyValue` beside its key and text: tags, lengths, a number. */
const overhead = 32;

export class AttributeEncoder {
  readonly #wire: Wire;
  readonly #keys = new Map<string, Key>();
  readonly #shared = new WeakMap<Attributes, Shared>();

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Encodes attributes once. `tag`: of the field that will hold them. These attributes must never change. */
  shared(tag: number, attributes: Attributes): Shared {
    const known = this.#shared.get(attributes);
    if (known !== undefined) return known;
    const wire = new Wire(512);
    const encoder = new AttributeEncoder(wire);
    const keys = new Uint8Array(maxKeys);
    let count = 0;
    for (const key of Object.keys(attributes)) {
      if (!encoder.put(tag, key, attributes[key])) continue;
      count += 1;
      const { number } = this.#key(key);
      if (number >= 0) keys[number] = 1;
    }
    const shared = { attributes, bytes: new Uint8Array(wire.copy()), count, keys };
    this.#shared.set(attributes, shared);
    return shared;
  }

  /**
   * Does what `put` does, for an attribute beside shared ones. Undefined: one of these has its key, and nothing is
   * written.
   */
  putBeside(shared: Shared, tag: number, key: string, value: AttributeValue): boolean | undefined {
    const known = this.#key(key);
    const { number } = known;
    if (number >= 0 ? shared.keys[number] === 1 : Object.hasOwn(shared.attributes, key)) return undefined;
    return this.#put(tag, known.bytes, value);
  }

  /** Writes one `KeyValue`. False: this value has nothing to write. */
  put(tag: number, key: string, value: AttributeValue): boolean {
    return this.#put(tag, this.#key(key).bytes, value);
  }

  putAll(tag: number, attributes: Attributes | undefined): void {
    if (attributes !== undefined) for (const key of Object.keys(attributes)) this.put(tag, key, attributes[key]);
  }

  #put(tag: number, key: Uint8Array, value: AttributeValue): boolean {
    switch (typeof value) {
      case "string":
        if (!this.#wire.asciiPair(tag, key, value)) this.#putAny(tag, key, value);
        return true;
      case "number":
      case "boolean":
        this.#putAny(tag, key, value);
        return true;
      case "object":
        if (value === null) return false;
        this.#putAny(tag, key, value);
        return true;
      default:
        return false;
    }
  }

  #key(key: string): Key {
    return this.#keys.get(key) ?? this.#newKey(key);
  }

  #newKey(key: string): Key {
    const wire = new Wire(key.length + overhead);
    wire.byte(0x0a);
    wire.text(key);
    const kept = this.#keys.size < maxKeys;
    const made = { number: kept ? this.#keys.size : -1, bytes: new Uint8Array(wire.copy()) };
    if (kept) this.#keys.set(key, made);
    return made;
  }

  #putAny(tag: number, key: Uint8Array, value: AttributeValue): void {
    const wire = this.#wire;
    wire.reserve(overhead + key.length);
    wire.byte(tag);
    const pair = wire.begin();
    wire.raw(key);
    wire.byte(0x12);
    const any = wire.begin();
    this.#any(value);
    wire.end(any);
    wire.end(pair);
  }

  /** Writes the one field of an `AnyValue`; nothing for null and for values that have no such form. */
  #any(value: AttributeValue | undefined): void {
    const wire = this.#wire;
    wire.reserve(overhead);
    if (typeof value === "string") {
      wire.byte(0x0a);
      wire.text(value);
    } else if (typeof value === "boolean") {
      wire.byte(0x10);
      wire.byte(value ? 1 : 0);
    } else if (typeof value === "number") {
      if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
        wire.byte(0x18);
        wire.int64(value);
      } else {
        wire.byte(0x21);
        wire.double(value);
      }
    } else if (value instanceof Uint8Array) {
      wire.byte(0x3a);
      wire.varint(value.length);
      wire.raw(value);
    } else if (Array.isArray(value)) this.#list(value);
    else if (typeof value === "object" && value !== null) {
      wire.byte(0x32);
      const list = wire.begin();
      this.putAll(0x0a, value as Attributes);
      wire.end(list);
    }
  }

  #list(values: readonly AttributeValue[]): void {
    const wire = this.#wire;
    wire.byte(0x2a);
    const list = wire.begin();
    for (const value of values) {
      wire.reserve(overhead);
      wire.byte(0x0a);
      const any = wire.begin();
      this.#any(value);
      wire.end(any);
    }
    wire.end(list);
  }
}
