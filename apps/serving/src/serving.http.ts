import { Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { invalid, unavailable, type inference } from '@rhei/contracts';
import { callOf, DEPS, type HttpDoor, type Role } from '@rhei/runtime';
import type { Request } from 'express';
import { describeModel } from './deployment/describe-model';
import type { Deps } from './deps';
import { predict } from './prediction/predict';
import { parametersOf, serverMetadata } from './serving.grpc';
import { checkOutputs, tensorsOfJson } from './prediction/tensors';

/** The Open Inference Protocol v2 over REST. */
@Controller('v2')
export class ServingController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}

  @Get()
  server() {
    return serverMetadata;
  }

  @Get('health/live')
  live() {
    return { live: true };
  }

  @Get('health/ready')
  ready() {
    if (!this.deps.listing.ready) throw unavailable('Serving has not taken up its deployments yet.', { reason: 'NOT_READY', retryAfter: 1_000 });
    return { ready: true };
  }

  @Get('models/:model')
  model(@Param('model') model: string): inference.ModelMetadataResponse {
    return describeModel(this.deps, model, '').metadata;
  }

  @Get('models/:model/ready')
  modelReady(@Param('model') model: string) {
    return this.readiness(model, '');
  }

  @Get('models/:model/versions/:version')
  version(@Param('model') model: string, @Param('version') version: string): inference.ModelMetadataResponse {
    return describeModel(this.deps, model, version).metadata;
  }

  @Get('models/:model/versions/:version/ready')
  versionReady(@Param('model') model: string, @Param('version') version: string) {
    return this.readiness(model, version);
  }

  @Post('models/:model/infer')
  @HttpCode(200)
  infer(@Param('model') model: string, @Req() request: Request) {
    return this.answer(model, '', request);
  }

  @Post('models/:model/versions/:version/infer')
  @HttpCode(200)
  inferVersion(@Param('model') model: string, @Param('version') version: string, @Req() request: Request) {
    return this.answer(model, version, request);
  }

  /** The protocol's clients look at the status only. */
  private readiness(name: string, version: string) {
    if (!describeModel(this.deps, name, version).ready) throw unavailable(`Deployment "${name}" has no live version.`, { reason: 'NO_LIVE_VERSION', retryAfter: 1_000 });
    return { name, ready: true };
  }

  private async answer(model: string, version: string, request: Request) {
    if (request.headers['inference-header-content-length'] !== undefined) {
      throw invalid('Tensors in binary are not taken over REST.', { field: 'Inference-Header-Content-Length', expected: 'a body that is all JSON', hint: 'tritonclient: set_data_from_numpy(…, binary_data=False); or use gRPC' });
    }
    const body: unknown = request.body;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('The body is no inference request.', { expected: 'a JSON object with "inputs"', got: Array.isArray(body) ? 'a list' : typeof body });
    const { id, inputs, outputs = [] } = body as { id?: unknown; inputs?: unknown; outputs?: unknown };
    if (id !== undefined && typeof id !== 'string') throw invalid('The id of a request is a string.', { field: 'id', expected: 'a string', got: typeof id });
    if (!Array.isArray(outputs)) throw invalid('The "outputs" of a request are a list.', { field: 'outputs', expected: 'a list of {name}', got: typeof outputs });
    checkOutputs(outputs.map((output: { name?: unknown } | null) => output?.name));
    const answer = await predict(this.deps, { deployment: model, version, id: id ?? '', tensors: tensorsOfJson(inputs) }, callOf(request));
    return {
      model_name: model, model_version: String(answer.version), id: answer.id, parameters: parametersOf(answer),
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [answer.rows.length], data: answer.rows.map(({ outputs }) => outputs.probability) }],
    };
  }
}

const application: Role[] = ['application', 'developer', 'operator', 'auditor', 'admin'];
const infer = { roles: ['application', 'admin'] as Role[], maxBytes: 4 * 1024 * 1024, deadline: 1_000 };

export const servingDoor: HttpDoor = {
  controller: ServingController,
  routes: {
    'GET /v2': { roles: application },
    'GET /v2/health/live': { roles: 'anyone' },
    'GET /v2/health/ready': { roles: 'anyone' },
    'GET /v2/models/:model': { roles: application },
    'GET /v2/models/:model/ready': { roles: application },
    'GET /v2/models/:model/versions/:version': { roles: application },
    'GET /v2/models/:model/versions/:version/ready': { roles: application },
    'POST /v2/models/:model/infer': infer,
    'POST /v2/models/:model/versions/:version/infer': infer,
  },
};
