module.exports = { ...require('../../jest.preset.cjs'), displayName: 'serving', rootDir: __dirname, testEnvironment: '../../libs/onnx/jest.environment.cjs' };
