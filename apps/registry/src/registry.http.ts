import { Controller, Get, Inject } from '@nestjs/common';
import { DEPS, readers, type HttpDoor } from '@rhei/runtime';
import type { Deps } from './deps';
import { listModels } from './model.store';

@Controller('registry')
class RegistryController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}

  /** The models with their champions, for people with curl. */
  @Get('models')
  async models(): Promise<{ models: { name: string; owner: string; purpose: string; riskTier: string; champion: number | null; revision: number }[] }> {
    const models = await listModels(this.deps.database);
    return { models: models.map(({ name, spec, champion, revision }) => ({ name, owner: spec.owner, purpose: spec.purpose, riskTier: spec.riskTier, champion: champion || null, revision })) };
  }
}

export const registryHttp: HttpDoor = {
  controller: RegistryController,
  routes: { 'GET /registry/models': { roles: readers, deadline: 2_000 } },
};
