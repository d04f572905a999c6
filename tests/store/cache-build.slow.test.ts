import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FAULTS } from '../support/cache-faults.js';
import { type CacheServer, cacheServer } from '../support/cache-server.js';
import { type Workshop, workshop } from '../support/cli.js';

/*
 * Whole builds on a runner whose cache service fails, with the real limits. The process must end by itself with all outputs
 * written. What each fault costs is printed.
 */

const ROOT = resolve(import.meta.dirname, '..', '..');
/** One of each kind; tests/store/cache-faults.slow.test.ts has them all. */
const NAMES = [
  'accepts and never answers',
  'answers 500',
  'answers 503',
  'answers 429 and says when to come back',
  'answers 403',
  'answers with a page',
  'drips',
  'stops in the middle of a download',
  'has lost what it lists',
  'hangs at a reservation',
  'resets an upload',
];
const CHOSEN = FAULTS.filter(([name]) => NAMES.includes(name)).map(
  ([name, answer, to]) => [name, { answer, to }] as const,
);

/** A build that has not ended by then never will. */
const NEVER_MS = 300_000;

let shop: Workshop;
let server: CacheServer;

beforeAll(async () => {
  shop = workshop();
  server = await cacheServer();
});

afterAll(async () => {
  await server.close();
  shop.remove();
});

interface Built {
  readonly status: number | null;
  readonly log: string;
  readonly outputs: string;
  readonly seconds: number;
}

/** Runs the action as a runner does, in a fresh checkout. */
async function build(version: 'v1' | 'v2', inputs: Record<string, string> = {}): Promise<Built> {
  const temporary = join(shop.base, 'temp');
  const output = join(shop.base, 'output.txt');
  for (const path of [temporary, output, join(shop.base, '.flaming-horse'), join(shop.project, 'media')])
    await rm(path, { recursive: true, force: true });
  await mkdir(temporary);
  const { PATH = '', HOME = '' } = process.env;
  const all = {
    project: 'projects/tiny',
    voice: 'espeak',
    quality: 'low',
    setup: 'never',
    python: join(ROOT, '.tools', 'render', 'bin', 'python'),
    ...inputs,
  };
  const env = {
    PATH,
    HOME,
    XDG_CACHE_HOME: join(shop.base, 'cache'),
    GITHUB_WORKSPACE: shop.base,
    GITHUB_REPOSITORY: 'me/repo',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_OUTPUT: output,
    RUNNER_TEMP: temporary,
    ACT: 'true',
    ...server.env(version),
    ...Object.fromEntries(Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
  await writeFile(output, '');
  const started = performance.now();
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'main.js')], { cwd: shop.base, env });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), NEVER_MS);
  const status = await new Promise<number | null>((ended) => child.on('close', ended));
  clearTimeout(timer);
  return { status, log, outputs: await readFile(output, 'utf8'), seconds: (performance.now() - started) / 1000 };
}

describe.each(['v1', 'v2'] as const)('a build with protocol %s', (version) => {
  const prefix = `fault-${version}`;

  test('whose service is well keeps everything', async () => {
    for (const rendered of [3, 0]) {
      const { status, log, outputs, seconds } = await build(version, { 'cache-prefix': prefix });
      expect([status, log]).toEqual([0, expect.stringContaining(`${rendered} scenes rendered`)]);
      expect(outputs).toContain('scenes-rendered');
      process.stderr.write(`${version} well, ${rendered} rendered: ${seconds.toFixed(1)} s\n`);
    }
    expect(server.entries.filter(({ key }) => key.includes(`fault_${version}-scene-`))).toHaveLength(3);
  });

  test.each(CHOSEN)('whose service %s ends, with its video', async (name, { answer, to }) => {
    server.fault = (kind, request, response) => {
      if (to !== undefined && !to.includes(kind)) return false;
      answer(request, response);
      return true;
    };
    try {
      // where downloads fail, there is something to download; else everything is new
      const isDownload = to?.includes('download') === true;
      const { status, log, outputs, seconds } = await build(version, {
        'cache-prefix': isDownload ? prefix : `other-${version}-${FAULTS.findIndex(([is]) => is === name)}`,
      });
      const steps = /spoken; (.*)/.exec(log)?.[1];
      process.stderr.write(`${version} ${name}: ${seconds.toFixed(1)} s (${steps})\n`);
      expect([status, log]).toEqual([0, expect.stringContaining('3 scenes rendered, 0 reused')]);
      expect(outputs).toMatch(/scenes-rendered<<.*\n3\n/);
      expect(log).toContain('::warning::');
    } finally {
      server.fault = () => false;
    }
  });
});
