import type { Running } from '@rhei/runtime';
import type { DataFolder } from './data-folder';

/** URLs, where the tokens are, and three commands to paste. */
export function whatToTry(folder: DataFolder, { http, grpc }: Running, { isNew, story }: { isNew: boolean; story: boolean }): string {
  const tokens = folder.file('tokens.json');
  const admin = folder.read<Record<string, string>>('tokens.json')!.admin;
  const lines = [
    '',
    `HTTP    ${http}   (health: ${http}/health/ready)`,
    `gRPC    ${grpc}`,
    `Tokens  ${tokens} (readable by you alone)`,
    ...(isNew ? [`Admin   ${admin}   (shown this once)`] : []),
    '',
  ];
  if (!story) {
    return [...lines, 'Nothing is applied yet. Try:', `  npx --no rhei apply -f examples/flights --data ${folder.path}`, `  npx --no rhei status --data ${folder.path}`, '', 'Ctrl-C stops it; the state stays.', ''].join('\n');
  }
  const bearer = `"authorization: Bearer $(node -p 'require("${tokens}").admin')"`;
  const body = JSON.stringify({
    inputs: [
      ['flight', 'try-1'], ['origin', 'JFK'], ['destination', 'LAX'], ['distance', 2475], ['departure', '2001-07-01T17:00:00Z'],
    ].map(([name, value]) => ({ name, shape: [1], datatype: typeof value === 'number' ? 'FP64' : 'BYTES', data: [value] })),
  });
  return [
    ...lines,
    'Three things to try (a prediction by REST, the same deployment by gRPC, the chain of causes behind the model):',
    `  curl -s ${http}/v2/models/departures/infer -H ${bearer} -d '${body}'`,
    `  grpcurl -plaintext -import-path proto -proto inference/grpc_service.proto -H ${bearer} -d '{"name":"departures"}' ${grpc} inference.GRPCInferenceService/ModelMetadata`,
    `  npx --no rhei why version flight-late/1 --data ${folder.path}`,
    '',
    'Ctrl-C stops it; the state stays.',
    '',
  ].join('\n');
}
