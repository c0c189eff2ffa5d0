import type { Client } from '@grpc/grpc-js';
import { inference, ingestion, registry, runtime, serving, training } from '@rhei/contracts';
import { call, clientOf, type Target, type Unary } from './connect';

/** The doors of a running platform, each opened when it is first used. */
export class Platform {
  private readonly clients = new Map<string, Client>();

  constructor(readonly target: Target) {}

  get operations(): runtime.OperationsServiceClient { return this.open('operations', () => clientOf(runtime.OperationsServiceClient, this.target.grpc)); }
  get resources(): runtime.ResourceServiceClient { return this.open('resources', () => clientOf(runtime.ResourceServiceClient, this.target.grpc)); }
  get control(): runtime.ReplayControlClient { return this.open('control', () => clientOf(runtime.ReplayControlClient, this.target.grpc)); }
  get ingestion(): ingestion.IngestionServiceClient { return this.open('ingestion', () => clientOf(ingestion.IngestionServiceClient, this.target.grpc)); }
  get training(): training.TrainingServiceClient { return this.open('training', () => clientOf(training.TrainingServiceClient, this.target.grpc)); }
  get registry(): registry.RegistryServiceClient { return this.open('registry', () => clientOf(registry.RegistryServiceClient, this.target.grpc)); }
  get serving(): serving.ServingServiceClient { return this.open('serving', () => clientOf(serving.ServingServiceClient, this.target.grpc)); }
  get inference(): inference.GRPCInferenceServiceClient { return this.open('inference', () => clientOf(inference.GRPCInferenceServiceClient, this.target.grpc)); }

  /** One call as the principal of the target; errors are those of the closed table. */
  ask<Request, Response>(client: Client, method: Unary<Request, Response>, request: Request, seconds?: number): Promise<Response> {
    return call(client, method, request, { token: this.target.token, seconds });
  }

  close(): void {
    this.clients.forEach((client) => client.close());
  }

  private open<C extends Client>(name: string, make: () => C): C {
    const known = this.clients.get(name) as C | undefined;
    if (known !== undefined) return known;
    const client = make();
    this.clients.set(name, client);
    return client;
  }
}
