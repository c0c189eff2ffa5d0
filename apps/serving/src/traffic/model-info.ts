import type { GaugeReading } from '@rhei/runtime';
import { divisionOf } from '../deployment/describe-model';
import type { Deps } from '../deps';

/** For `/metrics`: which versions of each deployment are loaded on this replica, and what each does. Versions that were switched away are not named. */
export function modelInfo({ catalogue, traffic }: Pick<Deps, 'catalogue' | 'traffic'>): GaugeReading[] {
  return catalogue.all().flatMap((deployment) => {
    const plan = divisionOf({ traffic }, deployment)?.plan;
    if (plan === undefined) return [];
    const { live, candidate, stage, kept, benchmark } = plan;
    const versions = [{ ...live, role: 'live' }, ...(candidate === null ? [] : [{ ...candidate, role: stage }]), ...[...kept, ...(benchmark === null ? [] : [benchmark])].map((one) => ({ ...one, role: 'shadow' }))];
    return versions.filter((one, index) => versions.findIndex(({ version }) => version === one.version) === index).map(({ version, digest, role }) => ({
      name: 'rhei_serving_model_info', help: 'Which versions of a deployment this replica answers or scores with.',
      labels: { deployment: deployment.name, model: plan.model, version: String(version), digest, role }, value: 1,
    }));
  });
}
