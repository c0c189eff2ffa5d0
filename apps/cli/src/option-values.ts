import { parseInstant } from '@rhei/expressions';
import { InvalidArgumentError } from 'commander';

/** Reads the value of an option by `read`; what it throws becomes what is said of the option. */
export const valueBy = <T>(read: (text: string) => T) => (text: string): T => {
  try {
    return read(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
};

/** Reads an instant (RFC 3339) as microseconds. */
export const instant = valueBy(parseInstant);

/** Reads a whole number above zero. */
export function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`Expected a whole number above zero, got "${text}".`);
  return Number(text);
}

/** What was asked, as options of the next call: the empty ones left out. */
export const asOptions = (asked: Record<string, string | number>): string =>
  Object.entries(asked).filter(([, value]) => value !== '').map(([name, value]) => ` --${name} ${/^[\w./:-]+$/.test(`${value}`) ? value : `'${value}'`}`).join('');
