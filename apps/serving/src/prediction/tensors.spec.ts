import { inference } from '@rhei/contracts';
import { vectorsOfTensor } from './raw-vectors';
import { checkOutputs, checkRows, rawFloats, tensorsOfJson, tensorsOfRequest } from './tensors';

const contents = (over: Partial<inference.InferTensorContents>): inference.InferTensorContents => inference.InferTensorContents.fromPartial(over);
const input = (datatype: string, shape: number[], typed?: Partial<inference.InferTensorContents>, name = 'x') =>
  ({ name, datatype, shape, parameters: {}, ...(typed && { contents: contents(typed) }) }) as inference.ModelInferRequest_InferInputTensor;
const request = (inputs: inference.ModelInferRequest_InferInputTensor[], raw: Uint8Array[] = []) =>
  ({ modelName: 'd', modelVersion: '', id: '', parameters: {}, outputs: [], inputs, rawInputContents: raw.map((bytes) => Buffer.from(bytes)) }) as inference.ModelInferRequest;
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
const prefixed = (...texts: (string | Buffer)[]) => Buffer.concat(texts.flatMap((text) => {
  const bytes = Buffer.from(text as string);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}));
const failure = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it was taken');
};
const refused = (code: string, text: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(text) });

describe('tensors of a gRPC request', () => {
  const int64 = Buffer.alloc(16);
  int64.writeBigInt64LE(-5n, 0);
  int64.writeBigInt64LE(2n ** 53n - 1n, 8);
  it.each([
    ['BOOL', { boolContents: [true, false] }, Uint8Array.of(1, 0), [true, false]],
    ['INT32', { intContents: [-1, 2] }, bytesOf(Int32Array.of(-1, 2)), [-1, 2]],
    ['INT64', { int64Contents: [-5, 2 ** 53 - 1] }, int64, [-5, 2 ** 53 - 1]],
    ['FP32', { fp32Contents: [0.5, NaN] }, bytesOf(Float32Array.of(0.5, NaN)), [0.5, NaN]],
    ['FP64', { fp64Contents: [0.1, -2] }, bytesOf(Float64Array.of(0.1, -2)), [0.1, -2]],
    ['BYTES', { bytesContents: [Buffer.from('a'), Buffer.from('zürich')] }, prefixed('a', 'zürich'), ['a', 'zürich']],
  ])('reads %s alike in the typed and in the raw form', (datatype, typed, raw, data) => {
    const tensor = { name: 'x', datatype, shape: [2, 1], data };
    expect(tensorsOfRequest(request([input(datatype, [2, 1], typed)]))).toEqual([tensor]);
    expect(tensorsOfRequest(request([input(datatype, [2, 1])], [raw]))).toEqual([tensor]);
  });

  it('reads raw contents that stand at an odd place of a larger buffer', () => {
    const message = Buffer.concat([Buffer.from([9]), rawFloats([1.5, 2.5])]);
    expect(tensorsOfRequest(request([input('FP32', [2])], [message.subarray(1)]))).toMatchObject([{ data: [1.5, 2.5] }]);
  });

  it('reads an empty tensor as no bytes', () => {
    expect(tensorsOfRequest(request([input('BYTES', [0]), input('FP32', [1], undefined, 'y')], [new Uint8Array(0), rawFloats([1])]))).toMatchObject([{ data: [] }, { data: [1] }]);
  });

  it.each([
    ['fewer raw contents than inputs', request([input('FP32', [1]), input('FP32', [1], undefined, 'y')], [rawFloats([1])]), /2 inputs and 1 raw/],
    ['both forms', request([input('FP32', [1], { fp32Contents: [1] })], [rawFloats([1])]), /typed contents/],
    ['raw bytes of another length', request([input('FP32', [2])], [rawFloats([1])]), /4 raw bytes/],
    ['too few typed elements', request([input('FP32', [2], { fp32Contents: [1] })]), /FP32\[2\] and has 1 elements/],
    ['no elements at all', request([input('FP32', [1])]), /has 0 elements/],
    ['elements in the field of another type', request([input('FP32', [1], { fp64Contents: [1] })]), /carries its elements as fp64Contents/],
    ['an unknown datatype', request([input('FP16', [1])], [Uint8Array.of(0, 0)]), /datatype "FP16"/],
    ['a negative dimension', request([input('FP32', [-1])]), /shape \[-1\]/],
    ['nine dimensions', request([input('FP32', [1, 1, 1, 1, 1, 1, 1, 1, 1], { fp32Contents: [1] })]), /9 dimensions/],
    ['more elements than any answer needs', request([input('FP32', [2_000, 2_000])]), /4000000 elements/],
    ['an endless name', request([input('FP32', [1], { fp32Contents: [1] }, 'x'.repeat(65))]), /65 characters/],
    ['an integer that a number cannot hold', request([input('INT64', [1])], [bytesOf(BigInt64Array.of(2n ** 53n))]), /9007199254740992/],
    ['bytes that are no UTF-8', request([input('BYTES', [1], { bytesContents: [Buffer.from([0xff])] })]), /no UTF-8/],
    ['text with a NUL, which no row can keep', request([input('BYTES', [1])], [prefixed('a\0b')]), /NUL/],
    ['a length that leads out of the raw bytes', request([input('BYTES', [1])], [Buffer.from([9, 0, 0, 0, 65])]), /do not add up at byte 0/],
    ['a length that is cut off', request([input('BYTES', [1])], [Buffer.from([1, 0])]), /do not add up at byte 0/],
    ['more raw texts than the shape says', request([input('BYTES', [1])], [prefixed('a', 'b')]), /do not add up at byte 5/],
    ['fewer raw texts than the shape says', request([input('BYTES', [2])], [prefixed('a')]), /has 1 elements/],
  ])('refuses %s', (_name, bad, text) => expect(failure(() => tensorsOfRequest(bad))).toEqual(refused('invalid', text)));
});

describe('tensors of a REST request', () => {
  it('reads flat and nested data', () => {
    for (const data of [[1, 2, 3, 4], [[1, 2], [3, 4]]]) {
      expect(tensorsOfJson([{ name: 'x', datatype: 'FP64', shape: [2, 2], data }])).toEqual([{ name: 'x', datatype: 'FP64', shape: [2, 2], data: [1, 2, 3, 4] }]);
    }
  });

  it('rounds FP32 to what the model sees, as the other form does', () => {
    expect(tensorsOfJson([{ name: 'x', datatype: 'FP32', shape: [1], data: [0.1] }])).toEqual(tensorsOfRequest(request([input('FP32', [1])], [rawFloats([0.1])])));
  });

  it.each([
    ['no inputs', undefined, /no "inputs"/],
    ['an input that is no object', [null], /Input 0 has no name/],
    ['no shape', [{ name: 'x', datatype: 'FP64', data: [1] }], /no shape/],
    ['a shape of texts', [{ name: 'x', datatype: 'FP64', shape: ['1'], data: [1] }], /shape \[1\]/],
    ['no data', [{ name: 'x', datatype: 'FP64', shape: [1] }], /no data/],
    ['data of another length', [{ name: 'x', datatype: 'FP64', shape: [2], data: [1] }], /has 1 elements/],
    ['a text as a number', [{ name: 'x', datatype: 'FP64', shape: [1], data: ['1'] }], /holds "1"/],
    ['a missing number', [{ name: 'x', datatype: 'FP64', shape: [1], data: [null] }], /holds null/],
    ['a fraction as an integer', [{ name: 'x', datatype: 'INT64', shape: [1], data: [1.5] }], /holds 1.5/],
    ['an integer of more than 32 bits', [{ name: 'x', datatype: 'INT32', shape: [1], data: [2 ** 31] }], /2147483648/],
    ['a number as a text', [{ name: 'x', datatype: 'BYTES', shape: [1], data: [1] }], /holds 1/],
    ['half of a surrogate pair', [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['\ud800'] }], /surrogate/],
    ['a number as a truth value', [{ name: 'x', datatype: 'BOOL', shape: [1], data: [1] }], /holds 1/],
  ])('refuses %s', (_name, inputs, text) => expect(failure(() => tensorsOfJson(inputs))).toEqual(refused('invalid', text)));
});

describe('a raw tensor for a named version', () => {
  const tensor = (shape: number[], data: number[], over: object = {}) => ({ name: 'features', datatype: 'FP32' as const, shape, data, ...over });

  it('becomes rows in which null is missing', () => {
    expect(vectorsOfTensor('d', ['a', 'b'], [tensor([2, 2], [1, NaN, 3, 4])])).toEqual([[1, null], [3, 4]]);
  });

  it.each([
    ['another name', [tensor([1, 2], [1, 2], { name: 'rows' })]], ['another type', [tensor([1, 2], [1, 2], { datatype: 'FP64' })]], ['another width', [tensor([1, 3], [1, 2, 3])]],
    ['no width', [tensor([2], [1, 2])]], ['nothing', []], ['two of them', [tensor([1, 2], [1, 2]), tensor([1, 2], [1, 2])]],
  ])('is refused with %s, and the columns are told', (_name, tensors) => {
    expect(failure(() => vectorsOfTensor('d', ['a', 'b'], tensors))).toMatchObject({ code: 'invalid', details: { expected: 'one input "features" FP32[n,2]', hint: 'the columns are a, b' } });
  });

  it('is refused with infinity, which is no value and not missing either', () => {
    expect(failure(() => vectorsOfTensor('d', ['a'], [tensor([2, 1], [1, Infinity])]))).toEqual(refused('invalid', /Row 1 .* "a"/));
  });
});

describe('the size of a request', () => {
  it('is between one row and a thousand', () => {
    expect(failure(() => checkRows('d', 0))).toEqual(refused('invalid', /no rows/));
    checkRows('d', 1_000);
    expect(failure(() => checkRows('d', 1_001))).toMatchObject({ code: 'too_large', details: { expected: 'at most 1000 rows', got: '1001 rows', hint: 'send several requests' } });
  });
});

describe('requested outputs', () => {
  it('are the one there is, or none named', () => {
    checkOutputs([]);
    checkOutputs(['probability']);
    for (const bad of ['label', undefined]) expect(failure(() => checkOutputs([bad]))).toMatchObject({ code: 'invalid', details: { expected: 'probability' } });
  });
});

it('writes answers as little-endian FP32', () => expect([...rawFloats([1, -2])]).toEqual([0, 0, 128, 63, 0, 0, 0, 192]));
