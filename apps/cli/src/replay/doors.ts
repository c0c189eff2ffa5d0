import type { Client } from '@grpc/grpc-js';
import { feature, inference, monitoring, registry, RheiError, runtime, serving, training } from '@rhei/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import { call, clientOf, type ClientConstructor, type Target } from '../connect';

/** How long a story waits for a platform that went away: long enough for it to be started again by hand. */
const patienceSeconds = 180;

/** The public doors that a story goes through, each as the principal that the story names for it. */
export interface Doors {
  target: Target;
  tokens: { admin: string; developer: string; publisher: string; application?: string; approver?: string };
  control: runtime.ReplayControlClient;
  operations: runtime.OperationsServiceClient;
  resources: runtime.ResourceServiceClient;
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
  const open = <C extends Client>(constructor: ClientConstructor<C>): C => {
    const client = clientOf(constructor, target.grpc);
    clients.push(client);
    return client;
  };
  return {
    target, tokens,
    control: open(runtime.ReplayControlClient), operations: open(runtime.OperationsServiceClient), resources: open(runtime.ResourceServiceClient),
    registry: open(registry.RegistryServiceClient), serving: open(serving.ServingServiceClient), monitoring: open(monitoring.MonitoringServiceClient),
    training: open(training.TrainingServiceClient), feature: open(feature.FeatureServiceClient), inference: open(inference.GRPCInferenceServiceClient),
    close: () => clients.forEach((client) => client.close()),
  };
}

export const isAway = (error: unknown): boolean =>
  (error instanceof RheiError && ['unavailable', 'deadline_exceeded', 'overloaded'].includes(error.code)) || error instanceof TypeError;

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
