import { judgeBroker, topicDifferences, wantedTopics, type FoundTopic } from './kafka-topics';

const found = (replication: number, change: (topic: FoundTopic) => FoundTopic | undefined = (topic) => topic): FoundTopic[] =>
  wantedTopics(replication).flatMap((topic) => change(structuredClone(topic)) ?? []);
const judged = (topics: FoundTopic[], autoCreate: boolean | undefined = false) => judgeBroker({ brokers: 3, topics, autoCreate });

describe('the topics of the log', () => {
  it('are those of topics.ts and of upstream systems', () => {
    const wanted = wantedTopics(3, [{ name: 'shop.orders', partitions: 4, writers: ['shop'] }]);
    expect(wanted.find(({ name }) => name === 'serving.predictions')).toMatchObject({ partitions: 2, replication: 3, config: { 'min.insync.replicas': '2', 'cleanup.policy': 'delete' } });
    expect(wanted.at(-1)).toMatchObject({ name: 'shop.orders', partitions: 4 });
    expect(wantedTopics(1)[0].config['min.insync.replicas']).toBe('1');
  });

  it('differ by partitions, replication and settings, each told with both values', () => {
    const wanted = wantedTopics(3);
    expect(topicDifferences(wanted, wanted)).toEqual([]);
    const other = found(3, (topic) => (topic.name === 'registry.models' ? { ...topic, partitions: 6, replication: 1, config: { ...topic.config, 'retention.ms': '60000' } } : topic));
    expect(topicDifferences(wanted, other)).toEqual([
      { topic: 'registry.models', what: 'partitions', wanted: '1', found: '6' },
      { topic: 'registry.models', what: 'replication', wanted: '3', found: '1' },
      { topic: 'registry.models', what: 'retention.ms', wanted: '2592000000', found: '60000' },
    ]);
  });

  it('are not said to differ where they are missing, or where a setting may not be read', () => {
    expect(topicDifferences(wantedTopics(3), [])).toEqual([]);
    expect(topicDifferences(wantedTopics(3), found(3, (topic) => ({ ...topic, config: {} })))).toEqual([]);
  });
});

describe('the look at the broker', () => {
  it('finds nothing wrong with what we made on three brokers', () => {
    expect(judged(found(3))).toEqual({ refusals: [], warnings: [] });
  });

  it('refuses missing topics and other numbers of partitions', () => {
    const { refusals } = judged(found(3, (topic) => (topic.name === 'training.runs' ? undefined : topic.name === 'feature.labels' ? { ...topic, partitions: 3 } : topic)));
    expect(refusals).toEqual([
      'The broker has no topic "training.runs", or does not show it to this user.',
      expect.stringMatching(/"feature.labels" has 3 partitions; topics.ts says 2/),
    ]);
  });

  it('warns of a single copy, and says what it costs', () => {
    expect(judged(found(1)).warnings).toEqual([expect.stringMatching(/Replication is 1.*lost.*\(every topic\)/)]);
  });

  it.each<[string, string, RegExp]>([
    ['min.insync.replicas', '1', /min.insync.replicas is 1/],
    ['min.insync.replicas', '3', /equals the replication/],
    ['unclean.leader.election.enable', 'true', /unclean/],
    ['max.message.bytes', '1048588', /max.message.bytes is below/],
    ['retention.ms', '3600000', /retention.ms is below 7 days/],
    ['cleanup.policy', 'compact', /compaction removes/],
  ])('warns of %s=%s, naming the topic', (name, value, message) => {
    const { refusals, warnings } = judged(found(3, (topic) => (topic.name === 'registry.models' ? { ...topic, config: { ...topic.config, [name]: value } } : topic)));
    expect({ refusals, warnings }).toEqual({ refusals: [], warnings: [expect.stringMatching(message)] });
    expect(warnings[0]).toContain('registry.models');
  });

  it('takes unlimited retention for what it is, and warns of topics that make themselves', () => {
    expect(judged(found(3, (topic) => ({ ...topic, config: { ...topic.config, 'retention.ms': '-1' } }))).warnings).toEqual([]);
    expect(judged(found(3), true).warnings).toEqual([expect.stringContaining('auto.create.topics.enable')]);
    expect(judged(found(3), undefined).warnings).toEqual([]);
  });
});
