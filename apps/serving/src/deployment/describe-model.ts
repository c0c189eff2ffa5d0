import { notFound, type inference, type RheiError } from '@rhei/contracts';
import type { Deps } from '../deps';
import { datatypeOf } from '../prediction/request-fields';
import type { Division } from '../traffic/traffic';
import type { Deployment } from './deployment.store';

/** The refusal of a version that does not answer; an old one cannot be asked by its number. */
export const versionNotLive = (deployment: string, version: string, live: number | undefined): RheiError =>
  notFound(`Version "${version.slice(0, 20)}" of deployment "${deployment}" is not live.`, { expected: live === undefined ? 'no version is live' : String(live), got: version.slice(0, 20) });

/** How a deployment is answered here; undefined while its present model has no live version. */
export function divisionOf({ traffic }: Pick<Deps, 'traffic'>, { name, model }: Deployment): Division | undefined {
  const division = traffic.of(name);
  return division?.plan.model === model ? division : undefined;
}

/** What a deployment takes and gives, by the protocol's words. Errors: `not_found` for an unknown deployment or a version that is not live. */
export function describeModel(deps: Pick<Deps, 'catalogue' | 'traffic'>, name: string, version: string): { ready: boolean; metadata: inference.ModelMetadataResponse } {
  const { deployment, featureSet } = deps.catalogue.find(name);
  const live = divisionOf(deps, deployment)?.live;
  if (version !== '' && version !== String(live?.version)) throw versionNotLive(name, version, live?.version);
  const inputs = version === ''
    ? Object.entries(featureSet?.request ?? {}).map(([field, kind]) => ({ name: field, datatype: datatypeOf(kind) as string, shape: [-1] }))
    : [{ name: 'features', datatype: 'FP32', shape: [-1, live?.session.features.length ?? -1] }];
  return {
    ready: live !== undefined && featureSet !== undefined,
    metadata: {
      name, versions: live === undefined ? [] : [String(live.version)], platform: 'onnx_onnxv1', inputs,
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
    },
  };
}
