import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, readConfig, withoutSecret } from './config';
import { service } from './service';

const fake = service({ name: 'training', config: z.object({ RUN_SECONDS: z.coerce.number().int('expected whole seconds').default(9), queueSize: z.coerce.number().default(5) }), migrations: [], deps: () => ({}) });
const principals = join(mkdtempSync(join(tmpdir(), 'config-')), 'principals.json');
writeFileSync(principals, '[]');
const good = { PRINCIPALS: principals, DATABASE_URL: 'postgres://a:b@h/db', EVENT_LOG: 'postgres://a:b@h/log', BLOBS: 'file:/tmp/b', TOKEN: 't' };

const faultsOf = (env: Record<string, string | undefined>): string => {
  try {
    readConfig([fake], env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).exitCode).toBe(2);
    return (error as Error).message;
  }
  throw new Error('no fault was found');
};

describe('the configuration', () => {
  it('takes the variable of the service before the one of all', () => {
    const { services } = readConfig([fake], { ...good, TRAINING_DATABASE_URL: 'postgres://own@h/t', RUN_SECONDS: '1', TRAINING_RUN_SECONDS: '2', QUEUE_SIZE: '7' });
    expect(services.get('training')).toMatchObject({ databaseUrl: 'postgres://own@h/t', own: { RUN_SECONDS: 2, queueSize: 7 }, clock: 'system' });
  });
  it('has the usual ports', () => {
    expect(readConfig([fake], good)).toMatchObject({ httpPort: 8080, grpcPort: 8081 });
  });
  it('says all that is wrong at once, with what was expected, what came, and an example', () => {
    const text = faultsOf({ HTTP_PORT: 'many', BLOBS: 's3://bucket', CLOCK: 'sundial', RUN_SECONDS: '1.5' });
    for (const line of [
      /The configuration has 8 faults/, /HTTP_PORT: expected a port from 0 to 65535; got "many"\. Example: 8080/, /PRINCIPALS: expected the path of a file of principals; got nothing/,
      /TRAINING_DATABASE_URL or DATABASE_URL: expected a URL postgres:\/\/…; got nothing\. Example: postgres:\/\/rhei_training/, /EVENT_LOG/,
      /BLOBS: expected one bucket after the host .*, not ""; got "s3:\/\/bucket"\. Example: s3:\/\/rhei:secret@minio:9000\/rhei/, /CLOCK: expected system or replay; got "sundial"/,
      /TRAINING_TOKEN or TRAINING_TOKEN_FILE/, /TRAINING_RUN_SECONDS: expected whole seconds; got "1.5"/,
    ]) expect(text).toMatch(line);
  });
  it('reads the token from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'token');
    writeFileSync(file, 'secret\n');
    expect(readConfig([fake], { ...good, TOKEN: undefined, TRAINING_TOKEN_FILE: file }).services.get('training')?.token).toBe('secret');
  });
  it('puts the password of a file into the URL of the first variable that names one, encoded', () => {
    const folder = mkdtempSync(join(tmpdir(), 'passwords-'));
    writeFileSync(join(folder, 'own'), 'p@ss/w:ö%\n');
    writeFileSync(join(folder, 'all'), 'of-all');
    const env = { ...good, DATABASE_URL: 'postgres://rhei_training@h:5432/db', DATABASE_URL_PASSWORD_FILE: join(folder, 'all'), TRAINING_DATABASE_URL_PASSWORD_FILE: join(folder, 'own') };
    const url = readConfig([fake], env).services.get('training')!.databaseUrl;
    expect(url).toBe('postgres://rhei_training:p%40ss%2Fw%3A%C3%B6%25@h:5432/db');
    expect(decodeURIComponent(new URL(url).password)).toBe('p@ss/w:ö%');
    expect(readConfig([fake], { ...env, TRAINING_DATABASE_URL_PASSWORD_FILE: undefined }).services.get('training')!.databaseUrl).toBe('postgres://rhei_training:of-all@h:5432/db');
  });
  it('says what is wrong with a password file', () => {
    const empty = join(mkdtempSync(join(tmpdir(), 'passwords-')), 'empty');
    writeFileSync(empty, '\n');
    const user = { ...good, DATABASE_URL: 'postgres://a@h/db' };
    expect(faultsOf({ ...user, DATABASE_URL_PASSWORD_FILE: '/nowhere/p' })).toMatch(/DATABASE_URL_PASSWORD_FILE: expected a file that can be read \(ENOENT\); got "\/nowhere\/p"/);
    expect(faultsOf({ ...user, DATABASE_URL_PASSWORD_FILE: empty })).toMatch(/expected a file with a password; it is empty/);
    expect(faultsOf({ ...good, EVENT_LOG_PASSWORD_FILE: empty })).toMatch(/EVENT_LOG_PASSWORD_FILE: expected no such variable where the URL of TRAINING_EVENT_LOG or EVENT_LOG has a password already/);
    expect(faultsOf({ ...good, EVENT_LOG: 'postgres://h/log', EVENT_LOG_PASSWORD_FILE: empty })).toMatch(/expected a user in TRAINING_EVENT_LOG or EVENT_LOG, whose password the file holds, as in postgres:\/\/user@host/);
  });
  it('refuses a database that another service of the process has', () => {
    const other = service({ name: 'registry', config: z.object({}), migrations: [], deps: () => ({}) });
    expect(() => readConfig([fake, other], good)).toThrow(/a database of registry's own: training has this one/);
  });
  it('never prints a password or a token', () => {
    expect(withoutSecret('DATABASE_URL', 'postgres://ann:hush@h/db')).toBe('postgres://ann:…@h/db');
    expect(withoutSecret('TOKEN', 'hush')).toBe('…');
    expect(faultsOf({ ...good, EVENT_LOG: 'mysql://ann:hush@h/log' })).not.toContain('hush');
  });
});
