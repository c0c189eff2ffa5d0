import type { Client } from '@grpc/grpc-js';
import { feature, inference, ingestion, monitoring, registry, RheiError, runtime, serving, training, type ServiceName } from '@rhei/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import { grpcOf } from '../addresses';
import { call, clientByService, clientOf, type ClientConstructor, type Target } from '../connect';

/** How long a story waits for a platform that went away: long enough for it to be started again by hand. */
const patienceSeconds = 180;

/** The public doors that a story goes through, each as the principal that the story names for it. */
export interface Doors {
  target: Target;
  tokens: { admin: string; developer: string; publisher: string; application?: string; approver?: string; people: Record<string, string> };
  control: runtime.ReplayControlClient;
  operations: runtime.OperationsServiceClient;
  resources: runtime.ResourceServiceClient;
  ingestion: ingestion.IngestionServiceClient;
  registry: registry.RegistryServiceClient;
  serving: serving.ServingServiceClient;
  monitoring: monitoring.MonitoringServiceClient;
  training: training.TrainingServiceClient;
  feature: feature.FeatureServiceClient;
  inference: inference.GRPCInferenceServiceClient;
  close(): void;
}

export function openDoors(target: Target, tokens: Doors['tokens']): Doors {
  const clients: Client[] = [];
  const kept = <C extends Client>(client: C): C => {
    clients.push(client);
    return client;
  };
  const byService = <C extends Client>(constructor: ClientConstructor<C>): C => kept(clientByService(constructor, target));
  const of = <C extends Client>(service: ServiceName, constructor: ClientConstructor<C>, balanced = false): C => kept(clientOf(constructor, grpcOf(target, service), { balanced }));
  return {
    target, tokens,
    control: byService(runtime.ReplayControlClient), operations: byService(runtime.OperationsServiceClient), resources: byService(runtime.ResourceServiceClient),
    ingestion: of('ingestion', ingestion.IngestionServiceClient), registry: of('registry', registry.RegistryServiceClient), serving: of('serving', serving.ServingServiceClient), monitoring: of('monitoring', monitoring.MonitoringServiceClient),
    training: of('training', training.TrainingServiceClient), feature: of('feature', feature.FeatureServiceClient), inference: of('serving', inference.GRPCInferenceServiceClient, true),
    close: () => clients.forEach((client) => client.close()),
  };
}

export const isAway = (error: unknown): boolean =>
  (error instanceof RheiError && ['unavailable', 'deadline_exceeded', 'overloaded'].includes(error.code))
  // What fetch throws when nobody answers has a cause; a mistake in this program has none.
  || (error instanceof TypeError && error.cause !== undefined)
  || (error instanceof DOMException && error.name === 'TimeoutError');

/** Repeats a call that may be repeated until the platform is there again. */
export async function patiently<T>(what: string, act: () => Promise<T>): Promise<T> {
  const start = performance.now();
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (performance.now() - start > patienceSeconds * 1000) {
        throw new RheiError('unavailable', `The platform did not answer for ${patienceSeconds} s while the story wanted to ${what}: ${(error as Error).message}`, {
          hint: 'start it again; the story goes on where it stopped',
        });
      }
      await pause(100);
    }
  }
}

/** {@link call} as the admin, repeated while the platform is away. */
export const ask = <Request, Response>(
  doors: Doors, client: Client, method: Parameters<typeof call<Request, Response>>[1], request: Request,
): Promise<Response> => patiently(`call ${method.name}`, () => call(client, method, request, { token: doors.tokens.admin }));
