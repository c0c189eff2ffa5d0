/*
 * Arrays in PostgreSQL's binary format, as parameters of a statement that says their type (`$1::text[]`): the driver sends
 * a Buffer in binary. As text each element is escaped here and read again there, and bytes are doubled to hexadecimal.
 */

const HEADER = 20;
const oids = { boolean: 16, bytea: 17, bigint: 20, integer: 23, text: 25 } as const;

/** A one-dimensional array without NULLs, whose elements take `bytes` together, and where they start. */
function begun(type: keyof typeof oids, length: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEADER + 4 * length + bytes);
  array.writeInt32BE(1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(oids[type], 8);
  array.writeInt32BE(length, 12);
  array.writeInt32BE(1, 16);
  return array;
}

function fixed<Value>(type: keyof typeof oids, width: number, values: readonly Value[], write: (array: Buffer, value: Value, at: number) => void): Buffer {
  const array = begun(type, values.length, width * values.length);
  let at = HEADER;
  for (const value of values) {
    array.writeInt32BE(width, at);
    write(array, value, at + 4);
    at += 4 + width;
  }
  return array;
}

/** `text[]`. A value that comes again and again is written once and copied. */
export function textArray(values: readonly string[]): Buffer {
  let bytes = 0;
  let last = '';
  let lastBytes = 0;
  for (const value of values) {
    if (value !== last) {
      lastBytes = Buffer.byteLength(value);
      last = value;
    }
    bytes += lastBytes;
  }
  const array = begun('text', values.length, bytes);
  let at = HEADER;
  let before = 0;
  for (let index = 0; index < values.length; index += 1) {
    const start = at;
    if (index > 0 && values[index] === values[index - 1]) {
      array.copyWithin(at, before, at);
      at += at - before;
    } else {
      const written = array.write(values[index], at + 4);
      array.writeInt32BE(written, at);
      at += 4 + written;
    }
    before = start;
  }
  return array;
}

/** `bytea[]` */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  const array = begun('bytea', values.length, values.reduce((sum, { length }) => sum + length, 0));
  let at = HEADER;
  for (const value of values) {
    array.writeInt32BE(value.length, at);
    array.set(value, at + 4);
    at += 4 + value.length;
  }
  return array;
}

/** `integer[]` */
export const integerArray = (values: readonly number[]): Buffer => fixed('integer', 4, values, (array, value, at) => array.writeInt32BE(value, at));

/** `bigint[]` of safe integers. */
export const bigintArray = (values: readonly number[]): Buffer => fixed('bigint', 8, values, (array, value, at) => {
  array.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
  array.writeUInt32BE(((value % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000, at + 4);
});

/** `boolean[]` */
export const booleanArray = (values: readonly boolean[]): Buffer => fixed('boolean', 1, values, (array, value, at) => array.writeUInt8(value ? 1 : 0, at));
