import { RheiError, type monitoring } from '@rhei/contracts';
import { minute } from './minute';
import { nearest } from './nearest';
import type { Platform } from './platform';

/** The day where it begins one, else the minute. */
export const dayOf = (instant: number): string => minute(instant).replace(' 00:00', '');

/** `outcome@moving[request.region=north]`: what was tested, against which reference, in which slice. */
export const testName = ({ name, reference, slice }: Pick<monitoring.DriftTest, 'name' | 'reference' | 'slice'>): string =>
  `${name}${reference === 'moving' ? '@moving' : ''}${slice === '' ? '' : `[${slice}]`}`;

/** `PSI 0.123`, or `1.0 % → 4.2 %`. */
export function effectOf({ name, measure, effect, before, after }: monitoring.DriftTest): string {
  if (before === undefined || after === undefined) return `${measure === 'psi' ? 'PSI' : measure} ${effect.toFixed(3)}`;
  const figure = (value: number): string => (name.startsWith('missing.') ? `${(100 * value).toFixed(1)} %` : name === 'loss' ? value.toFixed(4) : value.toFixed(1));
  return `${figure(before)} → ${figure(after)}`;
}

export const pValueOf = ({ pValue }: monitoring.DriftTest): string => pValue.toFixed(pValue < 0.001 ? 5 : 3);

export const lossOf = (loss: number | undefined): string => (loss === undefined || loss === 0 ? '-' : loss.toFixed(4));
export const share = (value: number, digits = 1): string => `${(100 * value).toFixed(digits)} %`;

/** The monitor of this name. Errors: `not_found`, with those that there are and the one that was probably meant. */
export async function monitorNamed(platform: Platform, name: string): Promise<monitoring.Monitor> {
  const { monitors } = await platform.ask(platform.monitoring, platform.monitoring.listMonitors, {});
  const found = monitors.find((monitor) => monitor.name === name);
  if (found !== undefined) return found;
  const names = monitors.map((monitor) => monitor.name);
  const meant = nearest(name, names);
  throw new RheiError('not_found', `There is no monitor "${name}".`, {
    field: 'monitor', expected: names.length === 0 ? 'a monitor, of which there is none' : `one of ${names.join(', ')}`, got: name,
    hint: meant === undefined ? '"rhei monitors list" lists them; a resource of kind Monitor makes one' : `did you mean ${meant}?`,
  });
}
