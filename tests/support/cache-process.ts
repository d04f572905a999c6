/** The process of the cache service, run from the sources by tests/support/typescript-hooks.mjs. */
import { cacheProcess } from '../../src/store/cache-process.js';

await cacheProcess();
