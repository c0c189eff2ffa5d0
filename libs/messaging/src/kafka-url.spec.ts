import { parseKafkaUrl, withoutPassword } from './kafka-url';

describe('the address of a Kafka log', () => {
  it('names brokers, with the usual port where none is given', () => {
    expect(parseKafkaUrl('kafka://localhost')).toEqual({ brokers: ['localhost:9092'], tls: false, idempotent: true, session: 10_000 });
    expect(parseKafkaUrl('kafka://a:1,b.example.com:2,[::1]:3/').brokers).toEqual(['a:1', 'b.example.com:2', '[::1]:3']);
  });

  it('names a user, whose password may hold any character', () => {
    expect(parseKafkaUrl('kafka://rhei%2Fsmall:p%40ss%3A%2F%3F@host:9092')).toMatchObject({ user: 'rhei/small', password: 'p@ss:/?', sasl: 'scram-sha-512', brokers: ['host:9092'] });
    expect(parseKafkaUrl('kafka://u:p@host?sasl=plain')).toMatchObject({ sasl: 'plain' });
  });

  it('turns TLS on for an authority of its own, and idempotence off when asked to', () => {
    expect(parseKafkaUrl('kafka://host?ca=/etc/ca.pem')).toMatchObject({ tls: true, ca: '/etc/ca.pem' });
    expect(parseKafkaUrl('kafka://host?tls=true&idempotent=false&session=6000')).toMatchObject({ tls: true, idempotent: false, session: 6_000 });
  });

  it.each([
    ['http://host:9092', /expected kafka:\/\//],
    ['kafka://', /expected kafka:\/\//],
    ['kafka://host:99999', /"host:99999".*host:port/],
    ['kafka://a,,b', /names the broker ""/],
    ['kafka://host?sals=plain', /"sals".*sasl, tls/],
    ['kafka://u:p@host?sasl=gssapi', /sasl=gssapi.*scram-sha-512/],
    ['kafka://host?sasl=plain', /no user/],
    ['kafka://u@host', /user "u" and no password.*_PASSWORD_FILE/],
    ['kafka://u:%zz@host', /password in the Kafka URL is not URL-encoded/],
    ['kafka://host?tls=yes', /tls=yes.*true or false/],
    ['kafka://host?tls=false&ca=/x', /ca and tls=false/],
    ['kafka://host?session=soon', /session=soon/],
  ])('says what is wrong with %s', (url, message) => {
    expect(() => parseKafkaUrl(url)).toThrow(message);
  });

  it('is shown without its password', () => {
    expect(withoutPassword('kafka://u:secret@a:1,b:2?tls=true')).toBe('kafka://u:…@a:1,b:2?tls=true');
    expect(withoutPassword('kafka://a:1,b:2')).toBe('kafka://a:1,b:2');
    for (const url of ['kafka://u:secret@host:99999', 'kafka://u:secret@host?x=1', 'kafka://u:secret%zz@host']) {
      expect(() => parseKafkaUrl(url)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
    }
  });
});
