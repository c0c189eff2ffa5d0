import { events, serviceNames } from '@rhei/contracts';
import { grantsOf, type Grant } from './kafka-acls';

const may = (grants: Grant[], principal: string, operation: Grant['operation'], resource: Grant['resource'] = 'topic') =>
  grants.filter((grant) => grant.principal === principal && grant.operation === operation && grant.resource === resource).map(({ name, match }) => (match === 'prefixed' ? `${name}*` : name)).sort();

describe('rights on the broker', () => {
  const grants = grantsOf();

  it('let a service write what it says and read what it hears, and nothing else', () => {
    expect(may(grants, 'User:feature', 'write')).toEqual(['feature.labels', 'feature.sets', 'feature.training-sets']);
    expect(may(grants, 'User:feature', 'read')).toEqual(['ingestion.records', 'ingestion.sources', 'serving.predictions']);
    for (const service of serviceNames) {
      const said = new Set(Object.values(events).filter(({ from }) => from === service).map(({ topic }) => topic));
      expect(may(grants, `User:${service}`, 'write')).toEqual([...said].sort());
    }
  });

  it('keep consumer groups apart', () => {
    expect(may(grants, 'User:serving', 'read', 'group')).toEqual(['serving', 'serving.*']);
  });

  it('let each service look at all topics, and change none', () => {
    expect(may(grants, 'User:monitoring', 'describe')).toEqual([...new Set(Object.values(events).map(({ topic }) => topic))].sort());
    expect(new Set(grants.map(({ operation }) => operation))).toEqual(new Set(['read', 'write', 'describe', 'describe_configs']));
  });

  it('give an upstream topic to its writers and to ingestion alone', () => {
    const upstream = grantsOf([{ name: 'shop.orders', writers: ['shop', 'shop-backup'] }]).filter(({ name }) => name === 'shop.orders');
    expect(upstream.map(({ principal, operation }) => `${principal} ${operation}`).sort()).toEqual(['User:ingestion read', 'User:shop write', 'User:shop-backup write']);
  });

  it('follow the users that the services have', () => {
    const own = grantsOf([{ name: 'shop.orders', writers: ['shop'] }], (service) => `rhei-${service}`);
    expect(may(own, 'User:rhei-ingestion', 'read')).toEqual(['shop.orders']);
    expect(may(own, 'User:rhei-registry', 'read', 'group')).toEqual(['registry', 'registry.*']);
  });
});
