module.exports = {
  testEnvironment: 'node',
  testTimeout: 60_000,
  testMatch: ['<rootDir>/*.test.ts'],
  transform: { '^.+\\.ts$': 'ts-jest' },
};
