/** Real programs run in the tests (Manim, ffmpeg, act), hence the long time limit; no test asserts on time. */
export default {
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/build', '<rootDir>/.flaming-horse', '<rootDir>/.tools'],
  maxWorkers: '100%',
  watchman: false,
  testTimeout: 300_000,
};
