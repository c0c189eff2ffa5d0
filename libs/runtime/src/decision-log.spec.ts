import { GENESIS, linkHash, verifyChain, type RecordedDecision } from './decision-log';
import { canonicalJson, sha256 } from '@rhei/expressions';

function aChain(length: number): RecordedDecision[] {
  const chain: RecordedDecision[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const inputsJson = canonicalJson({ auc: 0.5 + sequence / 100 });
    const link = {
      sequence, asOf: sequence * 1000, writtenAt: 5, subject: `model/${sequence % 2}`, action: 'gate', by: 'registry',
      inputsJson, inputsDigest: sha256(inputsJson), outcomeJson: '"met"', previousHash: chain.at(-1)?.hash ?? GENESIS,
    };
    chain.push({ ...link, hash: linkHash(link) });
  }
  return chain;
}

describe('verifying a chain of decisions', () => {
  it('accepts it as it was written', () => {
    const chain = aChain(5);
    expect(verifyChain(chain)).toEqual({ ok: true, decisions: 5, head: chain[4].hash });
    expect(verifyChain([])).toEqual({ ok: true, decisions: 0, head: GENESIS });
  });
  it.each([
    ['an outcome', (chain: RecordedDecision[]) => (chain[2].outcomeJson = '"not met"'), 3, /the row was changed/],
    ['inputs', (chain: RecordedDecision[]) => (chain[2].inputsJson = '{"auc":0.9}'), 3, /the inputs were changed/],
    ['the person', (chain: RecordedDecision[]) => (chain[0].by = 'mallory'), 1, /the row was changed/],
    ['the time', (chain: RecordedDecision[]) => (chain[4].writtenAt = 6), 5, /the row was changed/],
    ['a row away', (chain: RecordedDecision[]) => chain.splice(1, 1), 3, /expected decision 2 next/],
    ['two rows about', (chain: RecordedDecision[]) => chain.splice(1, 2, chain[2], chain[1]), 3, /expected decision 2 next/],
  ])('notices when somebody changed %s', (_what, change, sequence, fault) => {
    const chain = aChain(5);
    change(chain);
    expect(verifyChain(chain)).toMatchObject({ ok: false, sequence, fault: expect.stringMatching(fault) });
  });
  it('notices a row that was changed together with its own hash', () => {
    const chain = aChain(5);
    chain[2] = { ...chain[2], outcomeJson: '"not met"' };
    chain[2].hash = linkHash(chain[2]);
    expect(verifyChain(chain)).toMatchObject({ ok: false, sequence: 4, fault: expect.stringMatching(/expected previous hash/) });
  });
  it('notices a cut at the end when it is told where the end was', () => {
    const chain = aChain(5);
    const { sequence, hash } = chain[4];
    expect(verifyChain(chain.slice(0, 4), { sequence, hash })).toMatchObject({ ok: false, sequence: 4 });
  });
});
