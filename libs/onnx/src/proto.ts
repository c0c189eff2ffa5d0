import protobuf from 'protobufjs/light';

// The messages of onnx.proto as far as they are needed. What would nest without end (graphs in attributes,
// functions, sequences) is kept as bytes: enough to notice it, and decoding never recurses deeper than this list.
const DESCRIPTOR = {
  nested: {
    ModelProto: message({
      irVersion: ['int64', 1], producerName: ['string', 2], producerVersion: ['string', 3], domain: ['string', 4],
      modelVersion: ['int64', 5], docString: ['string', 6], graph: ['GraphProto', 7], opsetImport: ['OperatorSetIdProto[]', 8],
      metadataProps: ['StringStringEntryProto[]', 14], trainingInfo: ['bytes[]', 20], functions: ['bytes[]', 25], configuration: ['bytes[]', 26],
    }),
    OperatorSetIdProto: message({ domain: ['string', 1], version: ['int64', 2] }),
    StringStringEntryProto: message({ key: ['string', 1], value: ['string', 2] }),
    GraphProto: message({
      node: ['NodeProto[]', 1], name: ['string', 2], initializer: ['TensorProto[]', 5], docString: ['string', 10],
      input: ['ValueInfoProto[]', 11], output: ['ValueInfoProto[]', 12], valueInfo: ['ValueInfoProto[]', 13],
      quantizationAnnotation: ['bytes[]', 14], sparseInitializer: ['bytes[]', 15], metadataProps: ['StringStringEntryProto[]', 16],
    }),
    NodeProto: message({
      input: ['string[]', 1], output: ['string[]', 2], name: ['string', 3], opType: ['string', 4], attribute: ['AttributeProto[]', 5],
      docString: ['string', 6], domain: ['string', 7], overload: ['string', 8], metadataProps: ['StringStringEntryProto[]', 9],
      deviceConfigurations: ['bytes[]', 10],
    }),
    AttributeProto: message({
      name: ['string', 1], f: ['float', 2], i: ['int64', 3], s: ['bytes', 4], t: ['TensorProto', 5], g: ['bytes', 6],
      floats: ['float[]', 7], ints: ['int64[]', 8], strings: ['bytes[]', 9], tensors: ['TensorProto[]', 10], graphs: ['bytes[]', 11],
      docString: ['string', 13], tp: ['bytes', 14], typeProtos: ['bytes[]', 15], type: ['int32', 20], refAttrName: ['string', 21],
      sparseTensor: ['bytes', 22], sparseTensors: ['bytes[]', 23],
    }),
    TensorProto: message({
      dims: ['int64[]', 1], dataType: ['int32', 2], segment: ['bytes', 3], floatData: ['float[]', 4, true], int32Data: ['int32[]', 5, true],
      stringData: ['bytes[]', 6], int64Data: ['int64[]', 7, true], name: ['string', 8], rawData: ['bytes', 9], doubleData: ['double[]', 10, true],
      uint64Data: ['uint64[]', 11, true], docString: ['string', 12], externalData: ['StringStringEntryProto[]', 13], dataLocation: ['int32', 14],
      metadataProps: ['StringStringEntryProto[]', 16],
    }),
    ValueInfoProto: message({ name: ['string', 1], type: ['TypeProto', 2], docString: ['string', 3], metadataProps: ['StringStringEntryProto[]', 4] }),
    TypeProto: message({ tensorType: ['TensorTypeProto', 1], sequenceType: ['bytes', 4], mapType: ['bytes', 5], denotation: ['string', 6], sparseTensorType: ['bytes', 8], optionalType: ['bytes', 9] }),
    TensorTypeProto: message({ elemType: ['int32', 1], shape: ['TensorShapeProto', 2] }),
    TensorShapeProto: message({ dim: ['DimensionProto[]', 1] }),
    DimensionProto: message({ dimValue: ['int64', 1], dimParam: ['string', 2], denotation: ['string', 3] }),
  },
};

type FieldRow = readonly [type: string, id: number, packed?: boolean];

function message(rows: Readonly<Record<string, FieldRow>>): protobuf.IType {
  const fields = Object.entries(rows).map(([name, [type, id, packed = false]]) => {
    const repeated = type.endsWith('[]');
    return [name, { type: repeated ? type.slice(0, -2) : type, id, ...(repeated && { rule: 'repeated', options: { packed } }) }];
  });
  return { fields: Object.fromEntries(fields) as protobuf.IType['fields'] };
}

/** The decoded messages: every list is present, everything else only when it was in the file. */
export interface Dimension { dimValue?: number; dimParam?: string }
export interface ValueInfo { name?: string; type?: { tensorType?: { elemType?: number; shape?: { dim: Dimension[] } } } }
export interface StringEntry { key?: string; value?: string }
export interface Tensor {
  name?: string; dims: number[]; dataType?: number; floatData: number[]; rawData?: Uint8Array;
  externalData: StringEntry[]; dataLocation?: number; segment?: Uint8Array;
}
export interface Attribute {
  name?: string; type?: number; f?: number; i?: number; s?: Uint8Array; t?: Tensor; g?: Uint8Array;
  floats: number[]; ints: number[]; strings: Uint8Array[]; tensors: Tensor[]; graphs: Uint8Array[]; refAttrName?: string;
}
export interface Node { name?: string; opType?: string; domain?: string; overload?: string; input: string[]; output: string[]; attribute: Attribute[]; deviceConfigurations: Uint8Array[] }
export interface Graph {
  name?: string; node: Node[]; initializer: Tensor[]; input: ValueInfo[]; output: ValueInfo[];
  quantizationAnnotation: Uint8Array[]; sparseInitializer: Uint8Array[];
}
export interface Model {
  irVersion?: number; producerName?: string; producerVersion?: string; graph?: Graph;
  opsetImport: { domain?: string; version?: number }[]; metadataProps: StringEntry[];
  trainingInfo: Uint8Array[]; functions: Uint8Array[]; configuration: Uint8Array[];
}

/** What a writer has to give: any part may be left out. */
export type Draft<T> = T extends Uint8Array ? T : T extends (infer V)[] ? Draft<V>[] : T extends object ? { [K in keyof T]?: Draft<T[K]> } : T;

export const DATA_TYPE = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, bfloat16: 16 } as const;
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const;

export const modelType = protobuf.Root.fromJSON(DESCRIPTOR).resolveAll().lookupType('ModelProto');

export function encodeModel(model: Draft<Model>): Uint8Array {
  return new Uint8Array(modelType.encode(model).finish());
}

/** Decodes bytes that {@link checkWire} has accepted. */
export function decodeModel(bytes: Uint8Array): Model {
  return modelType.toObject(modelType.decode(new NumberReader(bytes)), { arrays: true }) as Model;
}

/** Reads 64-bit integers as numbers at once: an object for each of a million node ids would take fifty times their bytes. */
class NumberReader extends protobuf.Reader {
  override int64(): never {
    return this.number() as never;
  }

  override uint64(): never {
    return this.number() as never;
  }

  override int64s(into: unknown[] = []): never {
    for (const end = this.uint32() + this.pos; this.pos < end; ) into.push(this.number());
    return into as never;
  }

  override uint64s(into: unknown[] = []): never {
    return this.int64s(into);
  }

  /** Beyond 2^53 the nearest number: ids, sizes and versions never are. */
  private number(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buf[this.pos++];
      if (shift < 28) low += (byte & 127) * 2 ** shift;
      else high += (byte & 127) * 2 ** (shift - 28);
      if (byte < 128) break;
    }
    // 28 low bits and 36 high ones, of which the topmost is the sign; what a tenth byte has beyond them does not count.
    const top = high % 2 ** 36;
    return (top >= 2 ** 35 ? top - 2 ** 36 : top) * 2 ** 28 + low;
  }
}
