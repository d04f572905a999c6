import { testFaults } from '../support/cache-faults.js';

for (const version of ['v1', 'v2'] as const) describe(version, () => testFaults(version));
