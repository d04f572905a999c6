/** What is bundled: the entries of dist/ each run one of these. */
export { cli } from './cli.js';
export { main } from './main.js';
export { plan } from './plan.js';
export { cacheProcess as cache } from './store/cache-process.js';
