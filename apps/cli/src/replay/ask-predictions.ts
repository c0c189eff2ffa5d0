import { RheiError, type inference } from '@rhei/contracts';
import { call } from '../connect';
import { ask, patiently, type Doors } from './doors';
import type { CloudEvent } from './plan';

/** As many as a replica of serving has in work: what is asked together shares its commits. */
const requestsAtOnce = 64;

/** What a deployment asks for, or undefined while it has no version that answers. */
export async function questionsOf(doors: Doors, deployment: string): Promise<Questions | undefined> {
  const { deployments } = await ask(doors, doors.serving, doors.serving.listDeployments, {});
  if (!deployments.some(({ name, liveVersion }) => name === deployment && liveVersion > 0)) return undefined;
  const { inputs } = await ask(doors, doors.inference, doors.inference.modelMetadata, { name: deployment, version: '' });
  return { deployment, inputs };
}

export interface Questions {
  deployment: string;
  inputs: TensorMetadata[];
}

/**
 * Asks for the prediction of each example through the serving door. The prediction's id follows from the example's, so that
 * a repeated question is answered with what was recorded.
 */
export async function askPredictions(doors: Doors, { deployment, inputs }: Questions, examples: CloudEvent[]): Promise<void> {
  const queue = [...examples];
  const worker = async (): Promise<void> => {
    for (let example = queue.shift(); example !== undefined; example = queue.shift()) {
      const request = inferRequest(deployment, example, inputs);
      await patiently('ask for a prediction', () =>
        call(doors.inference, doors.inference.modelInfer, request, { token: doors.tokens.application ?? doors.tokens.admin, seconds: 10 }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(requestsAtOnce, examples.length) }, worker));
}

/** The same question in the REST form of the protocol. */
export async function restExample(doors: Doors, deployment: string, { data }: CloudEvent) {
  const { inputs } = await ask(doors, doors.inference, doors.inference.modelMetadata, { name: deployment, version: '' });
  return { deployment, inputs: inputs.map(({ name, datatype }) => ({ name, datatype, shape: [1], data: [(data as Record<string, unknown>)[name]] })) };
}

type TensorMetadata = inference.ModelMetadataResponse['inputs'][number];

function inferRequest(deployment: string, { id, data }: CloudEvent, inputs: TensorMetadata[]): inference.ModelInferRequest {
  const fields = data as Record<string, unknown>;
  return {
    modelName: deployment, modelVersion: '', id: `p-${id}`, parameters: {}, outputs: [], rawInputContents: [],
    inputs: inputs.map(({ name, datatype }) => {
      const value = fields[name];
      if (value === undefined) throw new RheiError('invalid', `Deployment "${deployment}" asks for "${name}", which the event ${id} does not carry.`);
      return { name, datatype, shape: [1, 1].slice(0, shapeLength(inputs, name)), parameters: {}, contents: contentsOf(datatype, value) };
    }),
  };
}

const shapeLength = (inputs: TensorMetadata[], name: string): number => inputs.find((input) => input.name === name)!.shape.length;

function contentsOf(datatype: string, value: unknown): inference.InferTensorContents {
  const contents: inference.InferTensorContents = {
    boolContents: [], intContents: [], int64Contents: [], uintContents: [], uint64Contents: [], fp32Contents: [], fp64Contents: [], bytesContents: [],
  };
  switch (datatype) {
    case 'FP64': contents.fp64Contents = [Number(value)]; break;
    case 'FP32': contents.fp32Contents = [Number(value)]; break;
    case 'INT64': contents.int64Contents = [Number(value)]; break;
    case 'BOOL': contents.boolContents = [Boolean(value)]; break;
    default: contents.bytesContents = [Buffer.from(String(value))];
  }
  return contents;
}
