import type { Client } from '@grpc/grpc-js';
import { feature, inference, ingestion, monitoring, registry, runtime, serving, training } from '@rhei/contracts';
import { grpcOf } from './addresses';
import { call, clientByService, clientOf, type Target, type Unary } from './connect';

/** The doors of a running platform, each opened when it is first used. */
export class Platform {
  private readonly clients = new Map<string, Client>();

  constructor(readonly target: Target) {}

  get operations(): runtime.OperationsServiceClient { return this.open('operations', () => clientByService(runtime.OperationsServiceClient, this.target)); }
  get resources(): runtime.ResourceServiceClient { return this.open('resources', () => clientByService(runtime.ResourceServiceClient, this.target)); }
  get control(): runtime.ReplayControlClient { return this.open('control', () => clientByService(runtime.ReplayControlClient, this.target)); }
  get ingestion(): ingestion.IngestionServiceClient { return this.open('ingestion', () => clientOf(ingestion.IngestionServiceClient, grpcOf(this.target, 'ingestion'))); }
  get feature(): feature.FeatureServiceClient { return this.open('feature', () => clientOf(feature.FeatureServiceClient, grpcOf(this.target, 'feature'))); }
  get training(): training.TrainingServiceClient { return this.open('training', () => clientOf(training.TrainingServiceClient, grpcOf(this.target, 'training'))); }
  get registry(): registry.RegistryServiceClient { return this.open('registry', () => clientOf(registry.RegistryServiceClient, grpcOf(this.target, 'registry'))); }
  get serving(): serving.ServingServiceClient { return this.open('serving', () => clientOf(serving.ServingServiceClient, grpcOf(this.target, 'serving'))); }
  get monitoring(): monitoring.MonitoringServiceClient { return this.open('monitoring', () => clientOf(monitoring.MonitoringServiceClient, grpcOf(this.target, 'monitoring'))); }
  get inference(): inference.GRPCInferenceServiceClient { return this.open('inference', () => clientOf(inference.GRPCInferenceServiceClient, grpcOf(this.target, 'serving'), { balanced: true })); }

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
