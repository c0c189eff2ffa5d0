import { parseDay, parseInstant } from '@rhei/expressions';

const reads = (parse: (text: string) => unknown) => (text: string): boolean => {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
};

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The formats that a schema may name. Each is strict and takes time linear in the text: the usual ones of the
 * libraries are neither. The length is bounded before a regular expression looks at it.
 */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => text.length <= 64 && reads(parseInstant)(text),
  date: (text) => text.length === 10 && reads(parseDay)(text),
  time: (text) => text.length <= 32 && reads((time) => parseInstant(`2001-01-01T${time}`))(text),
  uuid: (text) => text.length === 36 && /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text),
  email: (text) => text.length <= 254 && /^[^\s@"(),:;<>[\\\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/.test(text),
  ipv4: (text) => text.length <= 15 && IPV4.test(text),
  uri: (text) => text.length <= 2_048 && /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]+$/.test(text),
};
