import { ConsumerLag } from './consumer-lag';

describe('how long the oldest event has been waiting', () => {
  const at = (second: number) => second * 1_000_000;
  const place = (position: number, head: number) => ({ subscription: 'feature', topic: 'registry.models', partition: 0, position, head });
  const ask = (lag: ConsumerLag, position: number, head: number, now: number) => {
    const partition = place(position, head);
    return lag.seconds([partition], at(now)).get(partition);
  };

  it('is nothing where nothing waits', () => {
    const lag = new ConsumerLag();
    lag.attempt('feature', { topic: 'registry.models', partition: 0, offset: 6, time: at(1) });
    expect(ask(lag, 7, 7, 100)).toBe(0);
  });
  it('counts from the time of the event that is being attempted', () => {
    const lag = new ConsumerLag();
    lag.attempt('feature', { topic: 'registry.models', partition: 0, offset: 7, time: at(10) });
    expect(ask(lag, 7, 9, 100)).toBe(90);
    expect(ask(lag, 8, 9, 101)).toBe(1);
  });
  it('counts from when an event was noticed that nobody attempted', () => {
    const lag = new ConsumerLag();
    expect(ask(lag, 5, 8, 100)).toBe(0);
    expect(ask(lag, 5, 9, 130)).toBe(30);
    expect(ask(lag, 8, 9, 140)).toBe(10);
    expect(ask(lag, 9, 9, 150)).toBe(0);
  });
  it('does not forget since when, however often it is asked', () => {
    const lag = new ConsumerLag();
    for (let second = 0; second <= 2_000; second += 1) ask(lag, 0, 1 + second, second);
    expect(ask(lag, 0, 2_002, 2_001)).toBe(2_001);
  });
  it('is not below zero when the clock of another host runs ahead', () => {
    const lag = new ConsumerLag();
    lag.attempt('feature', { topic: 'registry.models', partition: 0, offset: 7, time: at(200) });
    expect(ask(lag, 7, 8, 100)).toBe(0);
  });
});
