const { readdirSync, existsSync } = require('node:fs');
const { join } = require('node:path');

// Tests run on sources: a change in a lib needs no build before its users' tests see it.
const sources = ['libs', 'apps'].flatMap((folder) =>
  readdirSync(join(__dirname, folder))
    .filter((name) => existsSync(join(__dirname, folder, name, 'src', 'index.ts')))
    .map((name) => [`^@rhei/${name}$`, join(__dirname, folder, name, 'src', 'index.ts')]),
);

module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  globalSetup: join(__dirname, 'libs/testing/cluster/setup.cjs'),
  globalTeardown: join(__dirname, 'libs/testing/cluster/teardown.cjs'),
  setupFiles: [require.resolve('reflect-metadata')],
  moduleNameMapper: { ...Object.fromEntries(sources), '^(\\.{1,2}/.*)\\.js$': '$1' },
  // The exporter of traces loads node:http by import(), which jest has only in files that it rewrites.
  transformIgnorePatterns: ['/node_modules/(?!@marcbachmann/cel-js|@opentelemetry/otlp-exporter-base)'],
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2023',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
};
