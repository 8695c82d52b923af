// The service worker of /take: it keeps the test's page and what that is made of, so that a reload without a network opens it again.
// The answers are not its business: the page keeps them itself.

interface Lifetime extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Lifetime {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Told extends Lifetime {
  readonly data: { keep?: string[]; page?: boolean };
}
interface Scope {
  addEventListener(type: 'install' | 'activate', run: (e: Lifetime) => void): void;
  addEventListener(type: 'fetch', run: (e: Fetching) => void): void;
  addEventListener(type: 'message', run: (e: Told) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  location: Location;
}

const worker = self as unknown as Scope;
const cacheName = 'credlane-take-1';
const page = '/take';
const patience = 6000; // ms for a page; after that the kept one opens

worker.addEventListener('install', (e) => e.waitUntil(worker.skipWaiting()));

worker.addEventListener('activate', (e) => e.waitUntil(begin()));

async function begin(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith('credlane-take') && name !== cacheName) await caches.delete(name);
  await worker.clients.claim();
}

worker.addEventListener('message', (e) => {
  if (e.data.keep) e.waitUntil(keep(e.data.keep, e.data.page === true));
});

async function keep(assets: string[], alsoPage: boolean): Promise<void> {
  const cache = await caches.open(cacheName);
  const wanted = new Set(assets);
  for (const kept of await cache.keys()) {
    const path = new URL(kept.url).pathname;
    if (path !== page && !wanted.has(path)) await cache.delete(kept);
  }
  await Promise.all(assets.map(async (path) => {
    if (await cache.match(path)) return;
    const response = await fetch(path);
    if (response.ok) await cache.put(path, response);
  }));
  if (!alsoPage) return;
  const response = await fetch(page, { credentials: 'same-origin', redirect: 'manual' });
  if (response.status === 200) await cache.put(page, response);
}

worker.addEventListener('fetch', (e) => {
  if (e.request.method !== 'GET') return;
  const url = new URL(e.request.url);
  if (url.origin !== worker.location.origin) return;
  if (e.request.mode === 'navigate' && url.pathname === page) e.respondWith(open(e));
  else if (url.pathname.startsWith('/assets/')) e.respondWith(asset(e.request, url.pathname));
});

/** The page from the server; when that does not answer, the kept one, which says so of itself. */
async function open(e: Fetching): Promise<Response> {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(page);
  const limit = new AbortController();
  const timer = kept ? setTimeout(() => limit.abort(), patience) : undefined;
  try {
    const response = await fetch(e.request, { signal: limit.signal });
    if (response.status >= 500 && kept) return marked(kept);
    if (response.status === 200) e.waitUntil(cache.put(page, response.clone()));
    return response;
  } catch (err) {
    // Asked again: another tab may have had it kept since.
    const now = kept ?? (await cache.match(page));
    if (!now) throw err;
    return marked(now);
  } finally {
    clearTimeout(timer);
  }
}

async function marked(kept: Response): Promise<Response> {
  const html = (await kept.text()).replace('<take-runner ', '<take-runner kept ');
  const headers = new Headers(kept.headers);
  headers.delete('Content-Encoding');
  headers.delete('Content-Length');
  return new Response(html, { headers });
}

async function asset(request: Request, path: string): Promise<Response> {
  const kept = await (await caches.open(cacheName)).match(path);
  return kept ?? fetch(request);
}
