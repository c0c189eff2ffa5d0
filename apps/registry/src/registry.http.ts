import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { invalid } from '@rhei/contracts';
import { DEPS, readers, type HttpDoor } from '@rhei/runtime';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Deps } from './deps';
import { listModels } from './model.store';
import { readDataSheet, readModelCard, type Named, type Page } from './read-card';

@Controller('registry')
class RegistryController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}

  /** The models with their champions, for people with curl. */
  @Get('models')
  async models(): Promise<{ models: { name: string; owner: string; purpose: string; riskTier: string; champion: number | null; revision: number }[] }> {
    const models = await listModels(this.deps.database);
    return { models: models.map(({ name, spec, champion, revision }) => ({ name, owner: spec.owner, purpose: spec.purpose, riskTier: spec.riskTier, champion: champion || null, revision })) };
  }

  /** The model card of a version, as Markdown or JSON. */
  @Get('models/:model/versions/:version/card')
  card(@Param('model') model: string, @Param('version') version: string, @Req() request: IncomingMessage, @Res({ passthrough: true }) response: ServerResponse): Promise<string> {
    return page(request, response, () => readModelCard(this.deps, named(model, version)));
  }

  /** The data sheet of the training set of a version, as Markdown or JSON. */
  @Get('models/:model/versions/:version/data-sheet')
  sheet(@Param('model') model: string, @Param('version') version: string, @Req() request: IncomingMessage, @Res({ passthrough: true }) response: ServerResponse): Promise<string> {
    return page(request, response, () => readDataSheet(this.deps, named(model, version)));
  }
}

function named(model: string, version: string): Named {
  if (!/^[1-9]\d{0,8}$/.test(version)) throw invalid(`"${version}" is no version of a model.`, { field: 'version', expected: 'a whole number above zero', got: version });
  return { model, version: Number(version) };
}

/** The first type that the caller accepts and that there is; JSON where any will do. */
async function page(request: IncomingMessage, response: ServerResponse, read: () => Promise<Page>): Promise<string> {
  const type = accepted(request.headers.accept ?? '*/*');
  const { markdown, json } = await read();
  response.setHeader('content-type', `${type}; charset=utf-8`);
  return type === 'text/markdown' ? markdown : json;
}

function accepted(header: string): 'text/markdown' | 'application/json' {
  const types = header.split(',').map((part) => part.split(';')[0].trim().toLowerCase());
  for (const type of types) {
    if (type === 'text/markdown' || type === 'text/*') return 'text/markdown';
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'application/json';
  }
  throw invalid('There is no page of this type.', { field: 'Accept', expected: 'text/markdown or application/json', got: header });
}

export const registryHttp: HttpDoor = {
  controller: RegistryController,
  routes: {
    'GET /registry/models': { roles: readers, deadline: 2_000 },
    'GET /registry/models/:model/versions/:version/card': { roles: readers, deadline: 2_000 },
    'GET /registry/models/:model/versions/:version/data-sheet': { roles: readers, deadline: 2_000 },
  },
};
