import type { Running } from '@rhei/runtime';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DataFolder } from './data-folder';

/** URLs, where the tokens are, and three commands to paste; `example` is a folder of resources for a platform that has none yet. */
export function whatToTry(folder: DataFolder, { http, grpc }: Running, { isNew, story, example }: { isNew: boolean; story: boolean; example: string }): string {
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
    return [...lines, 'Nothing is applied yet. Try:', `  npx --no rhei apply -f ${example} --data ${folder.path}`, `  npx --no rhei status --data ${folder.path}`, '', 'Ctrl-C stops it; the state stays.', ''].join('\n');
  }
  const report = folder.read<StoryReport>('report.json');
  const bearer = `"authorization: Bearer $(node -p 'require("${tokens}").admin')"`;
  const version = report?.versions.at(-1);
  const commands = [
    ...(!report?.example ? [] : [
      `curl -s ${http}/v2/models/${report.example.deployment}/infer -H ${bearer} -d '${JSON.stringify({ inputs: report.example.inputs })}'`,
      `grpcurl -plaintext -import-path proto -proto inference/grpc_service.proto -H ${bearer} -d '${JSON.stringify(grpcRequest(report.example))}' ${grpc} inference.GRPCInferenceService/ModelInfer`,
    ]),
    version === undefined ? `npx --no rhei status --data ${folder.path}` : `npx --no rhei why version ${version.model}/${version.version} --data ${folder.path}`,
  ];
  const page = folder.file(join('report', 'report.md'));
  if (existsSync(page)) lines.push(`Report  ${page}`, '');
  return [...lines, 'To try (a prediction by REST, the same by gRPC, the causes behind the newest version):', ...commands.map((command) => `  ${command}`), '', 'Ctrl-C stops it; the state stays.', ''].join('\n');
}

/** What these words need of a story's report. */
interface StoryReport {
  versions: { model: string; version: number }[];
  example: { deployment: string; inputs: Input[] } | null;
}
interface Input {
  name: string;
  datatype: string;
  shape: number[];
  data: unknown[];
}

/** The question as the JSON form of its protobuf message, in which bytes are base64. */
const grpcRequest = ({ deployment, inputs }: { deployment: string; inputs: Input[] }) => ({
  model_name: deployment,
  inputs: inputs.map(({ name, datatype, shape, data }) => ({
    name, datatype, shape,
    contents: datatype === 'FP64' ? { fp64_contents: data } : datatype === 'BOOL' ? { bool_contents: data } : datatype === 'INT64' ? { int64_contents: data }
      : { bytes_contents: data.map((value) => Buffer.from(String(value)).toString('base64')) },
  })),
});
