import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** What may be imported where, and what business code must not reach for. Each rule is seen to bite in libs/testing/src/lint-canary.spec.ts. */
const wallClock = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Business time comes from the injected Clock.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Business time comes from the injected Clock.' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'A random choice is a hash of (seed, purpose, id).' },
  { selector: "CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate)$/]", message: 'Timers stand only in libs/runtime and libs/messaging.' },
];
const sqlClock = [
  { selector: "Literal[value=/\\bnow\\(\\)|CURRENT_TIMESTAMP/i]", message: 'SQL takes its time as a parameter.' },
  { selector: "TemplateElement[value.raw=/\\bnow\\(\\)|CURRENT_TIMESTAMP/i]", message: 'SQL takes its time as a parameter.' },
  { selector: "Decorator[expression.callee.name=/^(CreateDateColumn|UpdateDateColumn|Entity|Column)$/]", message: 'Entities are schemas in a store; their times come from the Clock.' },
];
const environment = [{ selector: "MemberExpression[object.name='process'][property.name='env']", message: 'The environment is read in config.ts alone.' }];
const nest = [
  { selector: "CallExpression[callee.name='forwardRef']", message: 'No forwardRef: the wiring is an explicit list.' },
  { selector: "Identifier[name=/^APP_(GUARD|FILTER|PIPE|INTERCEPTOR)$/]", message: 'Nothing is registered globally on Nest.' },
];
const jest = [
  { selector: "CallExpression[callee.object.name='jest'][callee.property.name=/^(mock|doMock)$/]", message: 'No module mocks: pass what the code needs.' },
  { selector: "MemberExpression[object.name=/^(it|describe|test)$/][property.name=/^(only|skip|todo)$/]", message: 'Every test runs.' },
];
const syntax = (...rules) => ({ 'no-restricted-syntax': ['error', ...rules.flat()] });

const kafkajs = { name: 'kafkajs', message: 'kafkajs is imported in libs/messaging/src/kafka.ts alone.' };
const minio = { name: 'minio', message: 'minio is imported in libs/runtime/src/s3-blobs.ts alone.' };
const sql = [{ name: 'typeorm', message: 'SQL stands in *.store.ts and migrations.' }, { name: 'pg', message: 'SQL stands in *.store.ts and migrations.' }];
const nestjs = { regex: '^@nestjs/', message: 'Nest is imported in modules, HTTP doors and libs/runtime.' };
const microservices = { regex: '^@nestjs/(microservices|cqrs)', message: 'No Nest transports and no CQRS bus.' };
const io = { regex: '^(node:)?(fs|net|http|https|child_process|worker_threads|process|timers)(/.*)?$', message: 'A pure lib has no I/O.' };
const imports = (paths, patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { paths, patterns }] });

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/generated/**', '**/*.cjs', '.nx/**', '.rhei/**', 'tmp/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { '@typescript-eslint': tseslint.plugin, '@nx': nx },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'off',
      'prefer-const': 'error',
      eqeqeq: 'error',
      ...imports([kafkajs, minio, ...sql], [nestjs]),
      ...syntax(wallClock, sqlClock, environment, nest),
      '@nx/enforce-module-boundaries': ['error', {
        enforceBuildableLibDependency: false,
        // A generated file and a spec reach across their own project only by package name.
        allow: [],
        // One command of the command line loads the runtime when it is called; its specs start services.
        checkDynamicDependenciesExceptions: ['@rhei/runtime'],
        // Testing starts what messaging and runtime build, and their specs use it: a circle of specs, never of builds.
        ignoredCircularDependencies: [['@rhei/testing', '@rhei/messaging'], ['@rhei/testing', '@rhei/runtime'], ['@rhei/runtime', '@rhei/messaging']],
        depConstraints: [
          { sourceTag: 'purity:pure', onlyDependOnLibsWithTags: ['purity:pure'] },
          { sourceTag: 'scope:messaging', onlyDependOnLibsWithTags: ['scope:contracts', 'scope:testing'] },
          { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
          { sourceTag: 'type:service', onlyDependOnLibsWithTags: ['type:lib'] },
          { sourceTag: 'scope:cli', onlyDependOnLibsWithTags: ['type:lib'] },
          { sourceTag: 'scope:platform', onlyDependOnLibsWithTags: ['type:lib', 'type:service'] },
        ],
      }],
    },
  },
  {
    files: ['libs/{expressions,tabular,onnx,statistics,contracts}/src/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.bench.ts'],
    rules: imports([kafkajs, minio, ...sql], [nestjs, io]),
  },
  // A bigint and a double are compared by value: only the loose operator does that without rounding.
  { files: ['libs/expressions/src/{environment,syntax}.ts'], rules: { eqeqeq: 'off' } },
  { files: ['libs/runtime/src/**/*.ts'], rules: { ...imports([kafkajs, minio], [microservices]), ...syntax(nest) } },
  { files: ['libs/runtime/src/s3-blobs.ts'], rules: imports([kafkajs], [microservices]) },
  { files: ['libs/messaging/src/**/*.ts'], rules: { ...imports([kafkajs, minio], [nestjs]), ...syntax(nest, environment) } },
  { files: ['libs/messaging/src/kafka.ts'], rules: imports([minio], [nestjs]) },
  { files: ['libs/testing/src/**/*.ts'], rules: { ...imports([], [microservices]), ...syntax(nest) } },
  { files: ['apps/*/src/**/*.store.ts', 'apps/*/src/migrations/*.ts'], rules: imports([kafkajs, minio], [nestjs]) },
  { files: ['apps/*/src/**/*.module.ts', 'apps/*/src/**/*.http.ts'], rules: imports([kafkajs, minio, ...sql], [microservices]) },
  { files: ['apps/{cli,platform}/src/**/*.ts'], rules: { ...imports([kafkajs, minio, ...sql], [nestjs]), ...syntax(nest) } },
  { files: ['**/config.ts'], rules: syntax(wallClock, sqlClock, nest) },
  { files: ['**/*.spec.ts', '**/*.contract.ts', '**/*.bench.ts', '{apps,libs}/*/spec/**/*.ts'], rules: { ...imports([kafkajs, minio], [microservices]), ...syntax(jest) } },
);
