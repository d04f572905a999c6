/**
 * Real programs run in the tests (Manim, ffmpeg, act), hence the long time limit; no test asserts on time. Files named
 * *.slow.test.ts run only with SLOW=1 (`script/test slow`).
 */
const slow = process.env.SLOW === '1';

export default {
  testMatch: [slow ? '<rootDir>/tests/**/*.slow.test.ts' : '<rootDir>/tests/**/!(*.slow).test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/build', '<rootDir>/.flaming-horse', '<rootDir>/.tools'],
  maxWorkers: '100%',
  watchman: false,
  testTimeout: slow ? 1_200_000 : 300_000,
};
