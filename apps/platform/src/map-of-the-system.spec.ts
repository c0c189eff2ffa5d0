import { events, heardBy, serviceNames, type EventName, type ServiceName } from '@rhei/contracts';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const apps = join(__dirname, '..', '..');
const fileOf = (event: EventName): string => `on-${event.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.ts`;

/** All source files of a service, without specs. */
function sources(service: ServiceName): string[] {
  return readdirSync(join(apps, service, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
}

describe('the map of the system', () => {
  it.each(serviceNames)('names for %s exactly the events that it has a subscriber for', (service) => {
    const heard = [...heardBy(service, 'shared'), ...heardBy(service, 'broadcast')].map(fileOf).sort();
    const found = sources(service).map((file) => file.split('/').at(-1)!).filter((file) => file.startsWith('on-')).sort();
    expect(found).toEqual(heard);
  });

  it.each(serviceNames)('says of every event of %s that some service of its own emits it', (service) => {
    const text = sources(service).map((file) => readFileSync(join(apps, service, 'src', file), 'utf8')).join('\n');
    const said = (Object.keys(events) as EventName[]).filter((name) => events[name].from === service);
    expect(said.filter((name) => !text.includes(`emit('${name}'`))).toEqual([]);
  });

  it('shows where a promotion becomes live traffic in three files', () => {
    const files = ['registry/src/promote-model-version.ts', '../libs/contracts/src/topics.ts', 'serving/src/on-model-version-promoted.ts'];
    expect(files.filter((file) => !existsSync(join(apps, file)))).toEqual([]);
    const [decision, map, effect] = files.map((file) => readFileSync(join(apps, file), 'utf8'));
    expect(decision).toMatch(/ModelVersionPromoted/);
    expect(map).toMatch(/ModelVersionPromoted: event<[\s\S]{0,200}from: 'registry', to: \{ serving: 'broadcast'/);
    // In this order: all replicas plan the same; what must not be served is refused before any call can reach it, and the old version ends last.
    const order = ['planPromotion(deps, payload)', 'await loadPlan(deps, plan)', 'traffic.switchTo', 'await reportSwitch(deps, plan);', 'traffic.release(before)'].map((step) => effect.lastIndexOf(step));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order.every((at) => at > 0)).toBe(true);
  });
});

describe('the code of the product', () => {
  // Words that only the example knows: a service that did would not be a platform.
  const words = /\b(flights?|airports?|airlines?|departures|vega)\b/i;

  it('knows no example', () => {
    const knowing: string[] = [];
    for (const folder of [...readdirSync(apps).map((app) => join(apps, app, 'src')), ...readdirSync(join(apps, '..', 'libs')).map((lib) => join(apps, '..', 'libs', lib, 'src'))]) {
      if (!existsSync(folder)) continue;
      for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(ts|sql)$/.test(file) || /\.(spec|contract|bench|fixture)\.ts$/.test(file) || file.includes('generated')) continue;
        const line = readFileSync(join(folder, file), 'utf8').split('\n').findIndex((text) => words.test(text));
        if (line >= 0) knowing.push(`${join(folder, file)}:${line + 1}`);
      }
    }
    // The default of `npm start` is named in one place; libs/testing is for specs only, which may use an example as data.
    expect(knowing.filter((place) => !/apps\/platform\/src\/(main|options)\.ts|libs\/testing\//.test(place))).toEqual([]);
  });
});
