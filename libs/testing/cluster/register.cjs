// Lets a child process of a spec run on the sources, as the spec itself does: `node -r libs/testing/cluster/register.cjs file.ts`.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { transformSync } = require('@swc/core');

const root = join(__dirname, '..', '..', '..');
const preset = require(join(root, 'jest.preset.cjs'));
const [[, [, { swcrc: _swcrc, ...options }]]] = Object.entries(preset.transform);
const sources = Object.entries(preset.moduleNameMapper).filter(([pattern]) => pattern.startsWith('^@rhei/')).map(([pattern, path]) => [new RegExp(pattern), path]);

require('reflect-metadata');
require.extensions['.ts'] = (module, filename) => {
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename, swcrc: false, sourceMaps: 'inline' }).code, filename);
};
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const source = sources.find(([pattern]) => pattern.test(request));
  return resolve.call(this, source ? source[1] : request, ...rest);
};
