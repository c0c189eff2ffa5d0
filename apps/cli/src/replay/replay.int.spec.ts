import { join } from 'node:path';
import { FakePlatform, rheiOf } from '../platform.fixture';

const story = join(__dirname, '..', '..', '..', '..', 'examples', 'flights', 'story-small.yaml');

describe('rhei replay', () => {
  let platform: FakePlatform;
  beforeEach(async () => {
    platform = new FakePlatform();
    await platform.start();
  });
  afterEach(() => platform.stop());

  it('says of a platform on the system clock that it is one, before it asks for anybody\'s token', async () => {
    const { code, out, err } = await rheiOf(platform, 'replay', story, '--rows', '50', '--state', '/nowhere/story.json', '--token', 'good');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('This platform runs on the system clock; a story needs a virtual one.');
    expect(err).toContain('clock: expected a virtual clock, got the system clock');
  });
});
