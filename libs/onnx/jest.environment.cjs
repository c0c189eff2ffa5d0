const { TestEnvironment } = require('jest-environment-node');

// Jest gives each spec its own global objects, but the runtime's binding makes arrays of the outer ones and compares
// constructors: without this every prediction fails with "data must be type of function Float32Array".
module.exports = class extends TestEnvironment {
  constructor(...args) {
    super(...args);
    for (const name of ['Float32Array', 'Float64Array', 'BigInt64Array', 'Int32Array']) this.global[name] = globalThis[name];
  }
};
