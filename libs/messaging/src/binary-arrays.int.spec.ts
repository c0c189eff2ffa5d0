import { openDatabase, type TestDatabase } from '@rhei/testing';
import { bigintArray, booleanArray, byteaArray, integerArray, textArray } from './binary-arrays';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase();
}, 60_000);
afterAll(() => database?.close());

describe('an array in binary', () => {
  const texts = ['', '', 'a', 'a', 'a', 'é\n"\\,{}', '👋'.repeat(3), 'NULL', 'a', ''];
  const numbers = [0, -1, 1, 2 ** 31 - 1, -(2 ** 31)];
  const large = [...numbers, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1), 978_307_200_000_000];

  it.each<[string, unknown[], Buffer]>([
    ['text', texts, textArray(texts)], ['text', [], textArray([])], ['integer', numbers, integerArray(numbers)], ['bigint', large, bigintArray(large)], ['boolean', [true, false, true], booleanArray([true, false, true])],
  ])('of %s is what the server reads: %j', async (type, values, sent) => {
    const rows = await database.query<{ value: unknown }>(`SELECT value FROM unnest($1::${type}[]) WITH ORDINALITY AS given (value, place) ORDER BY place`, [sent]);
    expect(rows.map(({ value }) => value)).toEqual(values);
  });

  it('of bytes too', async () => {
    const values = [Buffer.alloc(0), Buffer.from([0, 255, 92]), Buffer.alloc(100_000, 7)];
    const rows = await database.query<{ value: Buffer }>('SELECT value FROM unnest($1::bytea[]) WITH ORDINALITY AS given (value, place) ORDER BY place', [byteaArray(values)]);
    expect(rows.map(({ value }) => value)).toEqual(values);
  });
});
