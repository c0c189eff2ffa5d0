module.exports = { ...require('../../jest.preset.cjs'), displayName: 'feature', rootDir: __dirname };
