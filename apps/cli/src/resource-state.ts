import { type ServiceName } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { minuteOrNone } from './minute';
import type { Platform } from './platform';
import { causeOf } from './run-details';
import { helpOf } from './version';

/** What the owning service knows about a resource beyond its specification. */
export interface ResourceState {
  /** Figures as pairs; what there may be several of is a list. */
  facts: [name: string, value: string | string[]][];
  /** What happened last, oldest first, such as runs or windows. */
  lately: { what: string; lines: string[] };
  /** Subjects under which its decisions are on record. */
  subjects: string[];
}

export const ownerOf: Record<string, ServiceName> = {
  Source: 'ingestion', FeatureView: 'feature', FeatureSet: 'feature', TrainingPlan: 'training', Model: 'registry', Deployment: 'serving', Monitor: 'monitoring',
};

const shown = 5;
const none = { what: '', lines: [] };

/** Reads how a resource stands. Errors: those of the calls. */
export async function stateOf(platform: Platform, kind: string, name: string): Promise<ResourceState> {
  const reader = readers[kind];
  return reader === undefined ? { facts: [], lately: none, subjects: [`${kind}/${name}`] } : reader(platform, name);
}

const readers: Record<string, (platform: Platform, name: string) => Promise<ResourceState>> = {
  Source: async (platform, source) => {
    const { events, total } = await platform.ask(platform.ingestion, platform.ingestion.listQuarantine, { source, limit: shown, after: '', type: '', code: '', state: '' });
    return {
      facts: [['in quarantine', String(total)]], subjects: events.map(({ eventId }) => `event/${source}/${eventId}`),
      lately: { what: 'Quarantined', lines: events.map(({ receivedAt, eventId, field, rule }) => `${minuteOrNone(receivedAt)}  ${eventId}: ${[field, rule].filter(Boolean).join(', ')}`) },
    };
  },
  FeatureView: async (platform, name) => {
    const { views } = await platform.ask(platform.feature, platform.feature.listFeatures, {});
    const view = views.find((one) => one.name === name);
    return { facts: view === undefined ? [] : [['entity', view.entity], ['entities with a value', String(view.entities)], ['event', `${view.event} of ${view.source}`]], lately: none, subjects: [`view/${name}`] };
  },
  FeatureSet: (_, name) => Promise.resolve({ facts: [], lately: none, subjects: [`feature-set/${name}`] }),
  TrainingPlan: async (platform, plan) => {
    const pageOf = (state: string, limit: number) => platform.ask(platform.training, platform.training.listRuns, { model: '', plan, state, limit, after: '' });
    const [{ runs: newest, total }, open] = await Promise.all([pageOf('', shown), pageOf('open', 1)]);
    const runs = newest.reverse();
    return {
      facts: [['runs', String(total)], ['open runs', String(open.total)]],
      lately: { what: 'Runs', lines: runs.map((run) => `${minuteOrNone(run.asOf)}  ${run.id}: ${run.state}${run.failure === '' ? '' : `, ${run.failure}`} (${causeOf(run.causeJson)})`) },
      subjects: [`plan/${plan}`, ...runs.map(({ id }) => `run/${id}`)],
    };
  },
  Model: async (platform, model) => {
    const [{ models }, { versions }] = await Promise.all([platform.ask(platform.registry, platform.registry.listModels, {}), platform.ask(platform.registry, platform.registry.listVersions, { model })]);
    const found = models.find((one) => one.name === model);
    return {
      facts: [
        ['champion', found === undefined || found.champion === 0 ? 'none' : `version ${found.champion} since ${minuteOrNone(found.championSince)}, revision ${found.revision}`],
        ['versions', String(versions.length)], ['wait for a person', String(versions.filter(({ state }) => state === 'awaiting_approval').length)],
      ],
      lately: { what: 'Versions', lines: versions.slice(-shown).map((one) => `${minuteOrNone(one.registeredAt)}  version ${one.version}: ${one.state.replaceAll('_', ' ')}${one.stateReason === '' ? '' : `, ${one.stateReason}`}${one.judgements.length === 0 ? '' : `; ${helpOf(one.judgements.at(-1)!)}`}`) },
      subjects: versions.slice(-shown).map(({ version }) => `model/${model}/${version}`),
    };
  },
  Deployment: async (platform, name) => {
    const { deployments } = await platform.ask(platform.serving, platform.serving.listDeployments, {});
    const one = deployments.find((deployment) => deployment.name === name);
    if (one === undefined) return { facts: [], lately: none, subjects: [`deployment/${name}`] };
    return {
      facts: [
        ['live', one.liveVersion === 0 ? 'nothing' : `version ${one.liveVersion} since ${minuteOrNone(one.liveSince)}`],
        ...(one.candidate === 0 ? [] : [['candidate', `version ${one.candidate}, ${one.stage} with ${(100 * one.share).toFixed(0)} % since ${minuteOrNone(one.stageSince)}`] as [string, string]]),
        ...(one.shadows.length === 0 ? [] : [['beside it', one.shadows.map(({ version, why, until }) => `version ${version} (${why}) ${until === 0 ? 'for ever' : `until ${minuteOrNone(until)}`}`)] as [string, string[]]]),
        ['a rollback goes to', one.versionBefore === 0 ? 'nothing' : `version ${one.versionBefore}`],
        ['traffic', `revision ${one.appliedRevision} of ${one.desiredRevision}`], ['answered', String(one.predictions)],
      ],
      lately: none, subjects: [`deployment/${name}`],
    };
  },
  Monitor: async (platform, name) => {
    const [{ monitors }, { windows }] = await Promise.all([platform.ask(platform.monitoring, platform.monitoring.listMonitors, {}), platform.ask(platform.monitoring, platform.monitoring.listWindows, { monitor: name })]);
    const one = monitors.find((monitor) => monitor.name === name);
    const last = windows.slice(-shown);
    return {
      facts: one === undefined ? [] : [['windows', String(one.windows)], ['alarms', String(one.alarms)], ['next window closes', minuteOrNone(one.nextWindowCloses)]],
      lately: { what: 'Windows', lines: last.map((window) => `${minuteOrNone(window.from)}  ${window.alarm ? `alarm: ${window.tests.filter(({ alarm }) => alarm).map((test) => test.name).join(', ')}` : 'quiet'}; ${window.rows} rows, ${(100 * window.coverage).toFixed(0)} % labelled; retraining ${window.retraining}${window.reason === '' ? '' : `: ${window.reason}`}`) },
      subjects: last.map(({ from }) => `monitor/${name}/${formatInstant(from)}`),
    };
  },
};
