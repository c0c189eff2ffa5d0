import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobs } from './blobs';
import { readS3Url } from './s3-location';

describe('the URL of a blob store', () => {
  it('says where, who and how', () => {
    const ca = join(mkdtempSync(join(tmpdir(), 'ca-')), 'ca.pem');
    writeFileSync(ca, 'PEM');
    expect(readS3Url(`s3://me%40team:p%40ss%2Fw@store.example:9000/models?region=eu-west-1&prefix=/a/b/&create=false&timeout=2.5&ca=${ca}`)).toEqual({
      host: 'store.example', port: 9000, tls: true, ca: 'PEM', region: 'eu-west-1', bucket: 'models', prefix: 'a/b/', user: 'me@team', password: 'p@ss/w', create: false, timeout: 2500,
    });
  });
  it('has the usual for what it does not say', () => {
    expect(readS3Url('s3://me@store/models')).toMatchObject({ port: 443, tls: true, region: 'us-east-1', prefix: '', password: '', create: true, timeout: 5000 });
    expect(readS3Url('s3://me@store/models?tls=false')).toMatchObject({ port: 80, tls: false });
    expect(readS3Url('s3://me@[::1]:9000/models')).toMatchObject({ host: '::1', port: 9000 });
  });
  it.each([
    ['s3://me@store', /one bucket/], ['s3://me@store/a/b', /one bucket.*not "a\/b"/], ['s3://me@store/Upper', /one bucket/], ['s3://store/models', /a user/],
    ['s3://me@store/models?tls=maybe', /tls=true or tls=false, not "maybe"/], ['s3://me@store/models?versio=1', /no other parameters.*it has versio/],
    ['s3://me@store/models?timeout=0', /timeout= from 0/], ['s3://me@store/models?prefix=a/../b', /prefix=/], ['s3://me@store/models?ca=/nowhere', /ca= with a file.*ENOENT/], ['s3:', /a URL s3/],
  ])('refuses %s', (url, reason) => {
    expect(() => readS3Url(url)).toThrow(reason);
  });
  it('without a password ends the start', async () => {
    await expect(openBlobs('s3://me@store/models')).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/"me" without a password.*BLOBS_PASSWORD_FILE/) });
  });
});
