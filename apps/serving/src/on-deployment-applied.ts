import { broadcast } from '@rhei/runtime';
import type { Deps } from './deps';
import { takeDeployments } from './deployment/take-deployments';

/** Every replica takes the deployment up as it now is, with its feature set and the champion that its model may have already. */
export const onDeploymentApplied = broadcast('DeploymentApplied', async (deps: Deps) => takeDeployments(deps));
