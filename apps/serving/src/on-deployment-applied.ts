import { broadcast } from '@rhei/runtime';
import type { Deps } from './deps';
import { takeDeployments } from './take-deployments';

/** Every replica takes the deployment up, with the champion that its model may have already. */
export const onDeploymentApplied = broadcast('DeploymentApplied', async (deps: Deps) => takeDeployments(deps));
