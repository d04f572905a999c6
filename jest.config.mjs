/** Real programs run in the tests (Manim, ffmpeg, act), hence the long time limit; no test asserts on time. */
export default {
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/build', '<rootDir>/.flaming-horse', '<rootDir>/.tools'],
  // one file at a time: act listens on a fixed port, and most tests keep several cores busy by themselves
  maxWorkers: 1,
  watchman: false,
  testTimeout: 300_000,
};
