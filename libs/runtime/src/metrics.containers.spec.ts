import { registry } from '@rhei/contracts';
import { startServices, type RunningServices } from '@rhei/testing';
import { GenericContainer, type StartedTestContainer } from 'testcontainers';
import { z } from 'zod';
import { service, shared } from './index';

jest.setTimeout(300_000);

describe('what a scrape answers', () => {
  let running: RunningServices;
  let debian: StartedTestContainer;
  beforeAll(async () => {
    const install = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus';
    [running, debian] = await Promise.all([
      startServices([service({
        name: 'serving', config: z.object({}), migrations: [], deps: () => ({}), on: [shared('ModelApplied', async () => undefined)],
        gauges: () => [{ name: 'rhei_serving_model_info', help: 'Which version answers.', labels: { deployment: 'renewals', model: 'churn', version: '3', digest: 'd'.repeat(64) }, value: 1 }],
      })]),
      new GenericContainer('debian:bookworm-slim').withCommand(['sleep', '600']).start(),
    ]);
    const { exitCode, output } = await debian.exec(['sh', '-c', install]);
    if (exitCode !== 0) throw new Error(`promtool could not be installed: ${output.slice(-500)}`);
  });
  afterAll(async () => {
    await running?.stop();
    await debian?.stop({ timeout: 1_000 });
  });

  it('leaves promtool nothing to say', async () => {
    await running.publish('ModelApplied', 'churn', registry.ModelApplied.fromPartial({ name: 'churn', specJson: '{}' }));
    await running.settle();
    const ask = () => fetch(`${running.http}/metrics`, { headers: { authorization: `Bearer ${running.token('oper')}` } });
    await fetch(`${running.http}/nothing`);
    const body = await (await ask()).text();
    for (const name of ['http_server_request_duration_seconds_bucket', 'rhei_event_handler_duration_seconds_sum', 'rhei_consumer_lag_seconds', 'rhei_outbox_oldest_age_seconds', 'rhei_serving_model_info', 'process_cpu_seconds_total', 'target_info']) {
      expect(body).toContain(`\n${name}`);
    }
    await debian.copyContentToContainer([{ target: '/tmp/scrape', content: body }]);
    const { exitCode, output } = await debian.exec(['sh', '-c', 'promtool check metrics < /tmp/scrape']);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: '' });
    // It would have said something.
    const wrong = await debian.exec(['sh', '-c', 'printf "# TYPE rhei_waits_total gauge\\nrhei_waits_total 1\\n" | promtool check metrics']);
    expect(wrong).toMatchObject({ exitCode: 3, output: expect.stringMatching(/no help text[^]*"_total"/) });
  });
});
