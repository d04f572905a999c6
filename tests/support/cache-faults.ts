import { readdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Limits } from '../../src/store/actions-cache.js';
import { openStore } from '../../src/store/entries.js';
import type { Asked, Fault } from './cache-server.js';
import { type Bench, cacheBench, QUICK } from './cache-service.js';
import { temporaryFolders, writeFiles } from './folder.js';
import { recordingLog } from './log.js';

/*
 * Every way in which a cache service fails, through the real @actions/cache. Time limits are short here, so that hanging
 * costs a second or two; how much it may cost a build is a slow test.
 */

const newFolder = temporaryFolders();
const LIMITS: Limits = { pause: 60_000, lost: 5_000, saveAgain: 60_000 };

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const status =
  (code: number, headers: Record<string, string> = {}, body = '{}'): Answering =>
  (_, response) =>
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(body);
const reset: Answering = (request) => request.socket.destroy();
const never: Answering = () => {};
/** A byte now and then, without end. */
const drip: Answering = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000000' });
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
};
/** Half of what was promised. */
const half =
  (then: Answering): Answering =>
  (request, response) => {
    response.writeHead(200, { 'content-length': '100000' });
    response.write('x'.repeat(1000));
    setTimeout(() => then(request, response), 50);
  };

/** What is answered, and to what; all where nothing is named. */
export const FAULTS: readonly [name: string, answer: Answering, to?: readonly Asked[]][] = [
  ['accepts and never answers', never],
  ['answers 500', status(500)],
  ['answers 502', status(502, {}, '<html>Bad gateway</html>')],
  ['answers 503', status(503)],
  ['answers 429', status(429)],
  ['answers 429 and says when to come back', status(429, { 'retry-after': '3600' })],
  ['answers 401', status(401)],
  ['answers 403', status(403, {}, '{"code":"permission_denied","msg":"no"}')],
  ['answers 404', status(404)],
  ['answers 418', status(418)],
  ['answers with a page', status(200, {}, '<html>Sign in to the network</html>')],
  ['answers with null', status(200, {}, 'null')],
  ['answers with a list', status(200, {}, '[]')],
  ['answers with other types', status(200, {}, '{"ok":7,"archiveLocation":7,"cacheKey":[],"cacheId":"x"}')],
  [
    'gives addresses that are none',
    status(
      200,
      {},
      '{"ok":true,"archiveLocation":"x y","signedDownloadUrl":"x y","matchedKey":"there","cacheKey":"there"}',
    ),
  ],
  [
    'gives the entry of another key',
    status(
      200,
      {},
      '{"ok":true,"archiveLocation":"http://127.0.0.1:9/x","cacheKey":"other","signedDownloadUrl":"http://127.0.0.1:9/x","matchedKey":"other"}',
    ),
  ],
  ['sends in a circle', (_, response) => response.writeHead(302, { location: '/' }).end()],
  ['resets connections', reset],
  ['drips', drip],
  ['answers with a garbled head', (request) => request.socket.end('HTTP/1.1 abc\r\n\r\n')],
  ['never sends what was found', never, ['download']],
  ['stops in the middle of a download', half(never), ['download']],
  ['resets in the middle of a download', half(reset), ['download']],
  ['cuts a download off', half((_, response) => response.destroy()), ['download']],
  ['drips a download', drip, ['download']],
  ['has lost what it lists', status(404), ['download']],
  ['does not give what it lists', status(403), ['download']],
  ['takes no reservation', status(500), ['reserve']],
  ['has no room left', status(403, {}, '{"code":"resource_exhausted","msg":"insufficient usage"}'), ['reserve']],
  ['hangs at a reservation', never, ['reserve']],
  ['hangs at an upload', never, ['upload']],
  ['takes no upload', status(500), ['upload']],
  ['refuses an upload', status(403), ['upload']],
  ['resets an upload', reset, ['upload']],
  ['does not commit', status(500), ['commit']],
  ['hangs at a commit', never, ['commit']],
];

/** More requests than these, for 6 restores, 4 questions and 4 saves, mean that somebody keeps on trying. */
const MOST_REQUESTS = 30;

/** Tests that these faults (all of them where none is named) cost little with a version of the protocol. */
export function testFaults(version: 'v1' | 'v2', names: readonly string[] = FAULTS.map(([name]) => name)): void {
  const chosen = FAULTS.filter(([name]) => names.includes(name)).map(
    ([name, answer, to]) => [name, { answer, to }] as const,
  );
  let bench: Bench;
  let entry: string;

  beforeAll(async () => {
    bench = await cacheBench(version, recordingLog(), QUICK);
    entry = await newFolder();
    await writeFiles(entry, { 'file.txt': 'x'.repeat(1000) });
    await bench.service.available();
    const answer = await bench.service.save('there', entry, () => {});
    if (answer.kind !== 'saved') throw new Error(JSON.stringify(answer));
  });

  test.each(chosen)(`one that %s, protocol ${version}`, async (name, { answer, to }) => {
    const isLying = name === 'answers with other types';
    const { server } = bench;
    const log = recordingLog();
    const store = openStore(bench.backend(LIMITS, log), log, { least: 20_000, bytesPerMs: 1 });
    const faulty = (kind: Asked): boolean => to === undefined || to.includes(kind);
    const fault: Fault = (kind, request, response) => {
      if (!faulty(kind)) return false;
      answer(request, response);
      return true;
    };
    server.fault = fault;
    let requests = 0;
    server.fault = (...parts) => {
      requests += 1;
      return fault(...parts);
    };
    try {
      const base = await newFolder();
      const keys = ['there', 'a', 'b', 'there', 'c', 'there'];
      const restored = await Promise.all(
        keys.map((key, index) => store.restore({ key, path: join(base, String(index)) }, (folder) => readdir(folder))),
      );
      for (const key of ['a', 'b', 'c', 'd']) expect([undefined]).toContain(await store.find(key));
      // where only saves fail, what is there comes back
      const reads = !faulty('lookup') && !faulty('download');
      expect(restored.map(({ outcome }) => outcome)).toEqual(
        keys.map((key) => (reads && key === 'there' ? 'found' : 'missing')),
      );
      expect(await readdir(join(base, '1'))).toEqual([]);
      const saves = ['e', 'f', 'g', 'h'].map((key) => store.save({ key: `${key} ${Math.random()}`, path: entry }));
      const outcomes = Promise.all(saves.map(({ outcome }) => outcome));
      await store.settle();
      // one that says yes to everything cannot be told from one that saves
      const writes = isLying || (!faulty('reserve') && !faulty('upload') && !faulty('commit'));
      for (const outcome of await outcomes) expect(writes ? ['saved', 'failed'] : ['failed']).toContain(outcome);
      expect(requests).toBeLessThanOrEqual(MOST_REQUESTS);
      const warnings = log.told.filter((line) => !line.startsWith('debug'));
      expect(warnings.length).toBeGreaterThan(0);
      expect(warnings.length).toBeLessThanOrEqual(2);
      expect(warnings.join('\n')).not.toMatch(/::|the-token|sig=/);
    } finally {
      server.fault = () => false;
    }
  });
}
