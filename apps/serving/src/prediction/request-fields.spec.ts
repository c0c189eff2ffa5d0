import { RheiError } from '@rhei/contracts';
import { rowsOfTensors, type RequestFields } from './request-fields';
import type { Datatype, Tensor } from './tensors';

const fields: RequestFields = { shop: 'string', price: 'double', pieces: 'int', gift: 'bool', at: 'timestamp' };
const tensor = (name: string, datatype: Datatype, data: Tensor['data'], shape = [data.length]): Tensor => ({ name, datatype, shape, data });
const good = (): Tensor[] => [
  tensor('shop', 'BYTES', ['a', 'b']), tensor('price', 'FP64', [1.5, 2], [2, 1]), tensor('pieces', 'INT64', [1, 2]), tensor('gift', 'BOOL', [true, false]),
  tensor('at', 'BYTES', ['2001-01-01T00:00:00Z', '2001-01-02T00:00:00+01:00']),
];
const changed = (...tensors: Tensor[]) => [...good().filter(({ name }) => !tensors.some((one) => one.name === name)), ...tensors];
function failure(tensors: Tensor[]): RheiError {
  try {
    rowsOfTensors('orders', fields, tensors);
  } catch (error) {
    return error as RheiError;
  }
  throw new Error('it was taken');
}

describe('request fields', () => {
  it('are one object per row, whatever the order of the tensors', () => {
    const rows = [
      { shop: 'a', price: 1.5, pieces: 1, gift: true, at: '2001-01-01T00:00:00Z' }, { shop: 'b', price: 2, pieces: 2, gift: false, at: '2001-01-02T00:00:00+01:00' },
    ];
    expect(rowsOfTensors('orders', fields, good())).toEqual(rows);
    expect(rowsOfTensors('orders', fields, good().reverse())).toEqual(rows);
  });

  it.each(['FP64', 'FP32', 'INT64', 'INT32'] as const)('take %s as a number', (datatype) => {
    expect(rowsOfTensors('orders', fields, changed(tensor('price', datatype, [3, 4])))[1].price).toBe(4);
  });

  it('say all faults at once, each with what was expected and what came', () => {
    const error = failure([
      tensor('shop', 'INT64', [1, 2]), tensor('price', 'FP64', [1, 2, 3]), tensor('gift', 'BOOL', [true, false], [1, 2]), tensor('at', 'BYTES', ['2001-01-01T00:00:00Z', 'noon']), tensor('colour', 'BYTES', ['r', 'g']),
    ]);
    expect(error).toMatchObject({ code: 'invalid', details: { field: 'colour' } });
    expect(error.details.problems).toEqual([
      { field: 'colour', message: '"colour" is no input', expected: 'shop, price, pieces, gift, at', got: 'colour' },
      { field: 'shop', message: expect.any(String), expected: 'BYTES[2]', got: 'INT64[2]' },
      { field: 'price', message: expect.any(String), expected: 'FP64[2]', got: 'FP64[3]' },
      { field: 'pieces', message: 'input "pieces" is missing', expected: 'INT64[2]', got: 'nothing' },
      { field: 'gift', message: expect.any(String), expected: 'BOOL[2]', got: 'BOOL[1,2]' },
      { field: 'at', message: 'row 1 of "at" does not fit', expected: expect.stringContaining('RFC 3339'), got: 'noon' },
    ]);
    for (const { field } of error.details.problems!) expect(error.message).toContain(`"${field}"`);
  });

  it.each([
    ['an input twice', [...good(), tensor('shop', 'BYTES', ['c', 'd'])], /"shop" is there twice/],
    ['no number', changed(tensor('price', 'FP64', [1, NaN])), /row 1 of "price".*a finite number/],
    ['an infinite number', changed(tensor('price', 'FP32', [Infinity, 1])), /row 0 of "price"/],
    ['a text longer than a key may be', changed(tensor('shop', 'BYTES', ['x'.repeat(513), 'b'])), /at most 512 characters/],
    ['a name that every object has', [...good(), tensor('toString', 'BYTES', ['a', 'b'])], /"toString" is no input/],
    ['no rows', good().map((one) => ({ ...one, data: [], shape: [0] })), /no rows/],
    ['no inputs', [], /"shop" is missing/],
  ])('refuse %s', (_name, tensors, text) => expect(failure(tensors)).toMatchObject({ code: 'invalid', message: expect.stringMatching(text) }));

  it('refuse more than a thousand rows', () => {
    const many = (one: Tensor) => ({ ...one, shape: [1_001], data: Array.from({ length: 1_001 }, () => one.data[0]) });
    expect(failure(good().map(many))).toMatchObject({ code: 'too_large', details: { got: '1001 rows' } });
  });

  it('tell twenty faults and count the others', () => {
    const error = failure(good().map((one) => ({ ...one, shape: [100], data: Array.from({ length: 100 }, () => (one.name === 'at' ? 'noon' : one.data[0])) })));
    expect(error.details.problems).toHaveLength(20);
    expect(error.message).toMatch(/and 80 more\.$/);
  });
});
