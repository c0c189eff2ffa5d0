import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTarget } from './connect';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'rhei-data-'));
  writeFileSync(join(data, 'platform.json'), JSON.stringify({ http: 'http://127.0.0.1:8080', grpc: '127.0.0.1:9999', pid: 1 }));
  writeFileSync(join(data, 'tokens.json'), JSON.stringify({ admin: 'a-token', reviewer: 'r-token' }));
});
afterEach(() => rmSync(data, { recursive: true }));

describe('address and token', () => {
  it('come from flags before the environment before the data folder, and each says where from', () => {
    const env = { RHEI_URL: 'http://elsewhere:1000/', RHEI_TOKEN: 'e-token' };
    expect(findTarget({ data }, {})).toEqual({ http: 'http://127.0.0.1:8080', grpc: '127.0.0.1:9999', token: 'a-token', addressFrom: join(data, 'platform.json'), tokenFrom: `${join(data, 'tokens.json')} ("admin")` });
    expect(findTarget({ data }, env)).toEqual({ http: 'http://elsewhere:1000', grpc: 'elsewhere:1001', token: 'e-token', addressFrom: 'RHEI_URL', tokenFrom: 'RHEI_TOKEN' });
    expect(findTarget({ data, url: 'http://flag:7', token: 'f-token' }, env)).toEqual({ http: 'http://flag:7', grpc: 'flag:8', token: 'f-token', addressFrom: '--url', tokenFrom: '--token' });
  });

  it('may be those of another principal', () => {
    expect(findTarget({ data, as: 'reviewer' }, { RHEI_TOKEN: 'e-token' })).toMatchObject({ token: 'r-token' });
    expect(() => findTarget({ data, as: 'bob' }, {})).toThrow('tokens.json names only admin, reviewer');
  });

  it('may stand in a file: one token, or tokens by principal', () => {
    const one = join(data, 'one');
    writeFileSync(one, 'plain-token\n');
    expect(findTarget({ data, tokenFile: one }, {})).toMatchObject({ token: 'plain-token', tokenFrom: `--token-file ${one}` });
    expect(findTarget({ data, tokenFile: join(data, 'tokens.json'), as: 'reviewer' }, {})).toMatchObject({ token: 'r-token' });
    expect(() => findTarget({ data, tokenFile: join(data, 'none') }, {})).toThrow('There is no token file');
  });

  it('are missed with all three places named', () => {
    expect(() => findTarget({ data: '/nowhere' }, {})).toThrow('there is no --url, no RHEI_URL, and no /nowhere/platform.json');
    expect(() => findTarget({ data: '/nowhere', url: 'http://h:1' }, {})).toThrow('there is no --token, no --token-file, no RHEI_TOKEN, and no /nowhere/tokens.json');
    expect(() => findTarget({ data, url: 'h:1' }, {})).toThrow('The address "h:1" from --url is no URL');
  });
});
