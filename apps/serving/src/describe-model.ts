import { notFound, type inference } from '@rhei/contracts';
import type { Deps } from './deps';
import { datatypeOf } from './request-fields';

/** What a deployment takes and gives, by the protocol's words. Errors: `not_found` for an unknown deployment or a version that is not live. */
export function describeModel(deps: Deps, name: string, version: string): { ready: boolean; metadata: inference.ModelMetadataResponse } {
  const found = deps.known.get(name);
  if (found === undefined) throw notFound(`There is no deployment "${name}".`, { expected: [...deps.known.keys()].join(', ') || 'none is applied yet', got: name });
  const live = deps.traffic.of(found.deployment.model);
  if (version !== '' && version !== String(live?.version)) throw notFound(`Version ${version} of deployment "${name}" is not live.`, { expected: live === undefined ? 'no version is live' : String(live.version), got: version });
  const inputs = version === ''
    ? Object.entries(found.featureSet?.request ?? {}).map(([field, kind]) => ({ name: field, datatype: datatypeOf(kind) as string, shape: [-1] }))
    : [{ name: 'features', datatype: 'FP32', shape: [-1, found.featureSet?.features.length ?? -1] }];
  return {
    ready: live !== undefined && found.featureSet !== undefined,
    metadata: {
      name, versions: live === undefined ? [] : [String(live.version)], platform: 'onnx_onnxv1', inputs,
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
    },
  };
}
