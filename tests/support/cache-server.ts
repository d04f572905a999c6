import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/*
 * GitHub's cache service cannot be had in a test. This one speaks both of its protocols as far as @actions/cache uses them:
 * v1 (`_apis/artifactcache`, which act serves too) and v2 (twirp, with uploads and downloads as blobs).
 */

interface Entry {
  readonly key: string;
  readonly version: string;
  readonly created: number;
  data: Buffer;
  readonly blocks: Map<string, Buffer>;
  whole: boolean;
}

/** Takes a part of an upload: v1 sends parts with their place, v2 blocks and then a list of them, or all at once. */
function receive(entry: Entry, body: Buffer, request: IncomingMessage, query: URLSearchParams): void {
  const part = query.get('comp');
  if (part === 'block') entry.blocks.set(query.get('blockid') ?? '', body);
  else if (part === 'blocklist') {
    const ids = [...body.toString().matchAll(/<Latest>([^<]*)<\/Latest>/g)].map(([, id = '']) => id);
    entry.data = Buffer.concat(ids.map((id) => entry.blocks.get(id) ?? Buffer.alloc(0)));
  } else {
    const at = Number(/bytes (\d+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? 0);
    const data = Buffer.alloc(Math.max(entry.data.length, at + body.length));
    entry.data.copy(data);
    body.copy(data, at);
    entry.data = data;
  }
}

/** What the server is asked for. */
export type Asked = 'lookup' | 'download' | 'reserve' | 'upload' | 'commit';

/** Answers in another way than a service that is well. Returns false to let the service answer. */
export type Fault = (asked: Asked, request: IncomingMessage, response: ServerResponse) => boolean;

export interface CacheServer {
  /** Variables as a runner sets them. */
  env(version: 'v1' | 'v2'): Record<string, string>;
  /** How often each thing was asked for. */
  readonly asked: Record<Asked, number>;
  readonly entries: Entry[];
  fault: Fault;
  close(): Promise<void>;
}

export async function cacheServer(): Promise<CacheServer> {
  const entries: Entry[] = [];
  const sockets = new Set<Socket>();
  const asked: Record<Asked, number> = { lookup: 0, download: 0, reserve: 0, upload: 0, commit: 0 };
  let clock = 0;
  const find = (keys: readonly string[], version: string): number => {
    const of = entries.filter((entry) => entry.version === version && entry.whole);
    for (const key of keys) {
      const exact = of.find((entry) => entry.key === key);
      if (exact) return entries.indexOf(exact);
      const [newest] = of.filter((entry) => entry.key.startsWith(key)).sort((a, b) => b.created - a.created);
      if (newest) return entries.indexOf(newest);
    }
    return -1;
  };
  const reserve = (key: string, version: string): number => {
    if (entries.some((entry) => entry.key === key && entry.version === version)) return -1;
    clock += 1;
    return entries.push({ key, version, created: clock, data: Buffer.alloc(0), blocks: new Map(), whole: false }) - 1;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://host');
    const [, what, id] = /(blob|caches)\/(\d+)$/.exec(url.pathname) ?? [];
    const twirp = /\/twirp\/.*\/(\w+)$/.exec(url.pathname)?.[1];
    const kind = ((): Asked => {
      if (twirp === 'GetCacheEntryDownloadURL' || url.pathname.endsWith('/cache')) return 'lookup';
      if (twirp === 'CreateCacheEntry' || url.pathname.endsWith('/caches')) return 'reserve';
      if (twirp === 'FinalizeCacheEntryUpload' || (what === 'caches' && request.method === 'POST')) return 'commit';
      return request.method === 'GET' || request.method === 'HEAD' ? 'download' : 'upload';
    })();
    asked[kind] += 1;
    if (server.fault(kind, request, response)) return;
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const json = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    if (what === 'blob' || what === 'caches') {
      const entry = entries[Number(id) - 1] as Entry;
      if (kind === 'download') {
        response.writeHead(200, { 'content-length': entry.data.length });
        response.end(entry.data);
      } else if (kind === 'upload') {
        receive(entry, body, request, url.searchParams);
        response.writeHead(what === 'blob' ? 201 : 204, { etag: '"1"', 'last-modified': new Date(0).toUTCString() });
        response.end();
      } else {
        entry.whole = true;
        json({});
      }
      return;
    }
    if (kind === 'lookup' && !twirp) {
      const version = url.searchParams.get('version') ?? '';
      const found = find((url.searchParams.get('keys') ?? '').split(','), version);
      if (found >= 0)
        json({ archiveLocation: `${base}/blob/${found + 1}`, cacheKey: entries[found]?.key, scope: 'main' });
      else response.writeHead(204).end();
      return;
    }
    const { key, version, restore_keys: others = [] } = JSON.parse(body.toString());
    if (kind === 'lookup') {
      const found = find([key, ...others], version);
      if (found < 0) json({ ok: false });
      else json({ ok: true, signed_download_url: `${base}/blob/${found + 1}`, matched_key: entries[found]?.key });
    } else if (kind === 'reserve') {
      const number = reserve(key, version);
      if (twirp && number < 0) json({ code: 'already_exists', msg: 'cache entry exists' }, 409);
      else if (number < 0) json({ message: 'Cache already exists.' }, 409);
      else if (twirp) json({ ok: true, signed_upload_url: `${base}/blob/${number + 1}` });
      else json({ cacheId: number + 1 });
    } else {
      const index = entries.findIndex((entry) => entry.key === key && entry.version === version);
      (entries[index] as Entry).whole = true;
      json({ ok: true, entry_id: String(index + 1) });
    }
  };

  const http = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  const server: CacheServer = {
    env: (version) => ({
      GITHUB_ACTIONS: 'true',
      ACTIONS_RUNTIME_TOKEN: 'the-token',
      ...(version === 'v1'
        ? { ACTIONS_CACHE_URL: address }
        : { ACTIONS_RESULTS_URL: address, ACTIONS_CACHE_SERVICE_V2: 'true' }),
    }),
    asked,
    entries,
    fault: () => false,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => http.close(() => closed()));
    },
  };
  return server;
}
