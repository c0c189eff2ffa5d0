import type { GaugeReading } from '@rhei/runtime';

/** Counts declared answers since the start of this replica, by deployment and reason. */
export class Fallbacks {
  private readonly counts = new Map<string, { deployment: string; reason: string; count: number }>();

  count(deployment: string, reason: string): void {
    const key = `${reason} ${deployment}`;
    const entry = this.counts.get(key) ?? { deployment, reason, count: 0 };
    this.counts.set(key, entry);
    entry.count += 1;
  }

  readings(): GaugeReading[] {
    return [...this.counts.values()].map(({ deployment, reason, count }) => ({
      name: 'rhei_serving_fallback_answers_total', help: 'Requests that the declared answer of a deployment was given to, since this replica started.', type: 'counter', labels: { deployment, reason }, value: count,
    }));
  }
}
