import { RheiError } from '@rhei/contracts';
import { ModelRefused, vetModel, type ModelInfo, type TensorInfo } from '@rhei/onnx';
import type { Blobs } from '@rhei/runtime';

/**
 * Why the artifact with this digest cannot become a version; undefined when it can. It has to be in the blob store with the
 * bytes that its digest names, pass the vetting of ONNX files, and turn `features` into `probability`.
 * @throws unavailable and the like, when the store cannot be asked now
 */
export async function artifactProblem(blobs: Blobs, digest: string): Promise<string | undefined> {
  try {
    return shapeProblem(digest, vetModel(await blobs.get(digest)));
  } catch (error) {
    if (error instanceof ModelRefused) return `Artifact ${digest} is no model that may be loaded: ${error.problems.join(' ')}`;
    if (error instanceof RheiError && error.code === 'not_found') return `Artifact ${digest} is not in the blob store. Store it before the run completes.`;
    // The store verifies on every read, so these bytes are not the ones that were trained.
    if (error instanceof RheiError && error.code === 'internal') return `Artifact ${digest} has other bytes than its digest says: ${error.message}`;
    throw error;
  }
}

function shapeProblem(digest: string, { inputs, outputs }: ModelInfo): string | undefined {
  const fits = inputs.length === 1 && inputs[0].name === 'features' && outputs.length === 1 && outputs[0].name === 'probability' && outputs[0].shape[1] === 1;
  if (fits) return undefined;
  const shown = (tensors: readonly TensorInfo[]): string => tensors.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(',')}]`).join(', ');
  return `Artifact ${digest} turns ${shown(inputs)} into ${shown(outputs)}; expected one input features float32[-1,F] and one output probability float32[-1,1].`;
}
