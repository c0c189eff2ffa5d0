import type { monitoring } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { Deps } from '../deps';
import { listAlarmedWindows, type ClosedWindow } from '../window/window.store';
import type { DriftTest } from './drift';
import { testName } from './sentence';

/** Everything that alarmed in windows that closed at `since` or later, oldest first; one window may hold several. */
export async function listAlarms({ database }: Deps, monitor: string | undefined, since: Instant): Promise<monitoring.Alarm[]> {
  return (await listAlarmedWindows(database, monitor, since)).flatMap((window) => window.tests.filter(({ alarm }) => alarm).map((test) => toMessage(window, test)));
}

const toMessage = (window: ClosedWindow, test: DriftTest): monitoring.Alarm => ({
  id: alarmId(window, test), monitor: window.monitor, windowFrom: window.from, windowTo: window.to, decidedAt: window.decidedAt,
  test: { ...test, before: test.before, after: test.after }, referenceVersion: window.referenceVersion, retraining: window.retraining, reason: window.reason,
});

/** `<monitor>/<start of the window, RFC 3339>/<what was tested>` */
export const alarmId = ({ monitor, from }: Pick<ClosedWindow, 'monitor' | 'from'>, test: DriftTest): string => `${monitor}/${formatInstant(from)}/${testName(test)}`;
