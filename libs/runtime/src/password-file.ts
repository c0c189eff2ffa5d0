import { readFileSync } from 'node:fs';

/** What is wrong with a variable that names a file with a password. */
export interface PasswordFault {
  variable: string;
  expected: string;
  got: string;
}

const parts = /^([a-z][a-z0-9+.-]*:\/\/)([^:@/?#]+)(:[^@/?#]*)?@/i;

/**
 * `url` with the password of its user, percent-encoded, out of the file that the first of `<variable>_PASSWORD_FILE` names;
 * unchanged where none is set. Only a line feed at the end of the file is not part of the password.
 */
export function withPassword(variables: string[], url: string, env: Record<string, string | undefined>): string | PasswordFault {
  const variable = variables.map((one) => `${one}_PASSWORD_FILE`).find((one) => (env[one] ?? '').trim() !== '');
  if (variable === undefined) return url;
  const got = env[variable]!.trim();
  const [whole, scheme, user, given] = parts.exec(url) ?? [];
  if (whole === undefined) return { variable, expected: `a user in ${variables.join(' or ')}, whose password the file holds, as in ${url.split(':', 1)[0]}://user@host`, got };
  if (given !== undefined) return { variable, expected: `no such variable where the URL of ${variables.join(' or ')} has a password already: one of the two`, got };
  let password: string;
  try {
    password = readFileSync(got, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    return { variable, expected: `a file that can be read (${(error as NodeJS.ErrnoException).code})`, got };
  }
  if (password === '') return { variable, expected: 'a file with a password; it is empty', got };
  return `${scheme}${user}:${encodeURIComponent(password)}@${url.slice(whole.length)}`;
}
