import { RheiError, serviceNames, type ServiceName } from '@rhei/contracts';

/** Where each service is, when they are not behind one address; a service that runs more than once has several. */
export type Addresses = Partial<Record<ServiceName, { http: string[]; grpc: string[] }>>;

/** What a platform says about where it is. */
export interface Place {
  http: string;
  grpc: string;
  services?: Addresses;
}

/** The part `services` of a platform.json. Errors: `invalid`, naming the file and the field. */
export function readAddresses(services: unknown, file: string): Addresses {
  const refuse = (path: string, expected: string, got: unknown): never => {
    throw new RheiError('invalid', `${file}: /services${path} is not understood.`, { expected, got: JSON.stringify(got) ?? 'nothing' });
  };
  if (typeof services !== 'object' || services === null || Array.isArray(services)) return refuse('', 'addresses by service', services);
  const addresses: Addresses = {};
  for (const [service, place] of Object.entries(services as Record<string, { http?: unknown; grpc?: unknown } | null>)) {
    if (!(serviceNames as readonly string[]).includes(service)) return refuse(`/${service}`, `one of ${serviceNames.join(', ')}`, service);
    const listed = (kind: 'http' | 'grpc', form: RegExp, expected: string): string[] => {
      const list = [place?.[kind]].flat();
      const wrong = list.find((one) => typeof one !== 'string' || !form.test(one));
      if (list.length === 0 || wrong !== undefined || list.includes(undefined)) refuse(`/${service}/${kind}`, `${expected}, or a list of such`, place?.[kind]);
      return (list as string[]).map((one) => one.replace(/\/$/, ''));
    };
    const grpc = listed('grpc', /^[^\s/]+:\d+$/, 'host:port');
    // The balancer of gRPC takes several addresses only as numbers.
    const name = grpc.length > 1 ? grpc.find((one) => !/^(localhost|[\d.]+):\d+$/.test(one)) : undefined;
    if (name !== undefined) refuse(`/${service}/grpc`, 'numeric addresses such as 127.0.0.1:8481 where there are several', name);
    addresses[service as ServiceName] = { http: listed('http', /^https?:\/\/[^\s/]+\/?$/, 'http://host:port'), grpc };
  }
  return addresses;
}

/** The gRPC target of a service; several addresses as one target. */
export function grpcOf({ grpc, services }: Place, service: ServiceName): string {
  const all = services?.[service]?.grpc ?? [grpc];
  return all.length === 1 ? all[0] : `ipv4:${all.map((one) => one.replace(/^localhost:/, '127.0.0.1:')).join(',')}`;
}

/** The HTTP addresses of a service, at least one. */
export const httpOf = ({ http, services }: Place, service: ServiceName): string[] => services?.[service]?.http ?? [http];

/**
 * Makes a call that may be repeated, and repeats it when it was answered `unavailable`: once for each further replica of the
 * service. Behind one address it is made once.
 */
export async function onAnyReplica<T>({ services }: Place, service: ServiceName, act: () => Promise<T>): Promise<T> {
  for (let left = (services?.[service]?.grpc.length ?? 1) - 1; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (left <= 0 || !(error instanceof RheiError) || error.code !== 'unavailable') throw error;
    }
  }
}
