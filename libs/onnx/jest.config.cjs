module.exports = { ...require('../../jest.preset.cjs'), displayName: 'onnx', rootDir: __dirname, testEnvironment: '<rootDir>/jest.environment.cjs' };
