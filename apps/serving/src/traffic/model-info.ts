import type { GaugeReading } from '@rhei/runtime';
import type { Deps } from '../deps';

/** For `/metrics`: which version answers for each deployment on this replica. Versions that were switched away are not named. */
export function modelInfo({ catalogue, traffic }: Pick<Deps, 'catalogue' | 'traffic'>): GaugeReading[] {
  return catalogue.all().flatMap(({ name, model }) => {
    const live = traffic.of(model);
    if (live === undefined) return [];
    return [{
      name: 'rhei_serving_model_info', help: 'Which version answers for a deployment on this replica.',
      labels: { deployment: name, model, version: String(live.version), digest: live.digest }, value: 1,
    }];
  });
}
