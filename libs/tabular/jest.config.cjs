module.exports = { ...require('../../jest.preset.cjs'), displayName: 'tabular', rootDir: __dirname };
