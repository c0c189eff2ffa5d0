import protobuf from 'protobufjs/light';
import { ModelRefused } from './errors';
import { modelType } from './proto';

const VARINT = 0;
const LENGTH = 2;
const WIRE_SIZE: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/**
 * Checks the encoding before anything is built from it: no length runs past its end, every field is known with its wire
 * type, none that is single comes twice, and there are at most `maxParts` strings, byte fields and messages (each
 * costs memory whatever its size) and `maxNumbers` numbers in lists. Stricter than protobuf is: where readers could differ in what they make of a file
 * (C++ merges a message that comes twice, others take the last), the file is refused. Throws {@link ModelRefused}.
 */
export function checkWire(bytes: Uint8Array, limits: WireLimits): void {
  new Walk(bytes, limits).message(modelType, 0, bytes.length);
}

export interface WireLimits {
  /** Strings, byte fields and messages: each takes some hundred bytes of memory, whatever its size. */
  readonly parts: number;
  /** Numbers in lists: one byte each in the file, eight or more in memory. */
  readonly numbers: number;
}

class Walk {
  private parts = 0;
  private numbers = 0;

  constructor(private readonly bytes: Uint8Array, private readonly limits: WireLimits) {}

  message(type: protobuf.Type, begin: number, end: number): void {
    const seen = new Set<number>();
    for (let at = begin; at < end; ) {
      const tag = this.varint(at, end, type);
      const id = Math.floor(tag.value / 8);
      const wire = tag.value % 8;
      const field = type.fieldsById[id] as protobuf.Field | undefined;
      if (field === undefined) this.refuse(at, `field ${id} of ${type.name} is not known here`);
      if (!field.repeated && seen.has(id)) this.refuse(at, `field ${field.name} of ${type.name} comes twice`);
      seen.add(id);
      at = this.value(field, wire, tag.next, end);
    }
  }

  /** Returns where the next field begins. */
  private value(field: protobuf.Field, wire: number, at: number, end: number): number {
    const type = field.parent as protobuf.Type;
    const basic = (protobuf.types.basic as Record<string, number | undefined>)[field.type];
    const own = field.resolvedType === null && basic !== undefined ? basic : LENGTH;
    const packed = field.repeated && own !== LENGTH && wire === LENGTH;
    if (wire !== own && !packed) this.refuse(at, `field ${field.name} of ${type.name} has wire type ${wire}; expected ${own}`);
    if (field.repeated && !packed) this.countNumber(at, wire);
    if (wire === VARINT) return this.varint(at, end, type).next;
    if (wire !== LENGTH) return this.within(at + WIRE_SIZE[wire], at, end, field);

    const length = this.varint(at, end, type);
    const next = this.within(length.next + length.value, at, end, field);
    this.parts += 1;
    if (this.parts > this.limits.parts) this.refuse(at, `there are more than ${this.limits.parts} strings, byte fields and messages`);
    if (field.resolvedType instanceof protobuf.Type) this.message(field.resolvedType, length.next, next);
    else if (packed) this.packed(field, own, length.next, next);
    return next;
  }

  private packed(field: protobuf.Field, wire: number, begin: number, end: number): void {
    const type = field.parent as protobuf.Type;
    for (let at = begin; at < end; ) {
      this.countNumber(at, wire);
      at = wire === VARINT ? this.varint(at, end, type).next : this.within(at + WIRE_SIZE[wire], at, end, field);
    }
  }

  private countNumber(at: number, wire: number): void {
    if (wire === LENGTH) return;
    this.numbers += 1;
    if (this.numbers > this.limits.numbers) this.refuse(at, `there are more than ${this.limits.numbers} numbers in lists`);
  }

  private varint(begin: number, end: number, type: protobuf.Type): { value: number; next: number } {
    let value = 0;
    for (let at = begin, shift = 0; shift < 70; at += 1, shift += 7) {
      if (at >= end) this.refuse(begin, `${type.name} ends within a number`);
      const byte = this.bytes[at];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return { value, next: at + 1 };
    }
    return this.refuse(begin, `${type.name} has a number of more than ten bytes`);
  }

  private within(next: number, at: number, end: number, field: protobuf.Field): number {
    return next <= end ? next : this.refuse(at, `field ${field.name} of ${(field.parent as protobuf.Type).name} runs ${next - end} bytes past its end`);
  }

  private refuse(at: number, what: string): never {
    throw new ModelRefused([`This is no model that can be read: at byte ${at}, ${what}.`]);
  }
}
