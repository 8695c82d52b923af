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
  readonly data: Wanted;
  readonly ports: readonly MessagePort[];
}
/** What a page of the test asks to have kept. */
interface Wanted {
  attempt: string;
  assets: string[]; // named in the page
  parts: string[]; // loaded by it later
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
  e.waitUntil(keep(e.data).catch(() => false).then((kept) => e.ports[0]?.postMessage(kept)));
});

/** Keeps the page and all that it is made of; false when that is not whole yet. What a former page was made of goes last. */
async function keep({ attempt, assets, parts }: Wanted): Promise<boolean> {
  const cache = await caches.open(cacheName);
  const wanted = new Set([...assets, ...parts]);
  await Promise.all([...wanted].map(async (path) => {
    if (await cache.match(path)) return;
    const response = await fetch(path);
    if (!response.ok) throw new Error(`${path} answers ${response.status}`);
    await put(cache, path, response);
  }));
  const is = (html: string | undefined) => html !== undefined && html.includes(attempt) && assets.every((path) => html.includes(path));
  if (!is(await (await cache.match(page))?.text())) {
    const response = await fetch(page, { credentials: 'same-origin', redirect: 'manual' });
    if (response.status !== 200 || !is(await response.clone().text())) return false;
    await put(cache, page, response);
  }
  for (const kept of await cache.keys()) {
    const path = new URL(kept.url).pathname;
    if (path !== page && !wanted.has(path)) await cache.delete(kept);
  }
  return true;
}

/** Read to its end before it takes the place of what is kept: one that breaks off would leave nothing there. */
async function put(cache: Cache, path: string, response: Response): Promise<void> {
  await cache.put(path, await whole(response));
}

async function whole(response: Response): Promise<Response> {
  const body = await response.blob();
  const headers = new Headers(response.headers);
  headers.delete('Content-Encoding'); // it is decoded by now
  headers.delete('Content-Length');
  return new Response(body, { headers });
}

worker.addEventListener('fetch', (e) => {
  if (e.request.method !== 'GET') return;
  const url = new URL(e.request.url);
  if (url.origin !== worker.location.origin) return;
  if (e.request.mode === 'navigate' && url.pathname === page) e.respondWith(open(e));
  else if (url.pathname.startsWith('/assets/')) e.respondWith(asset(e.request, url.pathname));
});

/** What is kept under a path; nothing where the browser's keeping fails. */
async function kept(path: string): Promise<Response | undefined> {
  try {
    return await (await caches.open(cacheName)).match(path);
  } catch {
    return undefined;
  }
}

/** The page from the server; when that does not answer, or breaks off, the kept one, which says so of itself. */
async function open(e: Fetching): Promise<Response> {
  const before = await kept(page);
  const limit = new AbortController();
  const timer = before ? setTimeout(() => limit.abort(), patience) : undefined;
  try {
    const response = await fetch(e.request, { signal: limit.signal });
    if (response.status >= 500 && before) return await marked(before);
    if (response.status !== 200) return response;
    if (!before) return response; // the page itself asks for its keeping
    const full = await whole(response);
    const copy = full.clone();
    e.waitUntil(caches.open(cacheName).then((cache) => cache.put(page, copy)).catch(() => undefined));
    return full;
  } catch (err) {
    // Asked again: another tab may have had it kept since.
    const now = before ?? (await kept(page));
    if (!now) throw err;
    return await marked(now);
  } finally {
    clearTimeout(timer);
  }
}

async function marked(page: Response): Promise<Response> {
  const html = (await page.text()).replace('<take-runner ', '<take-runner kept ');
  return new Response(html, { headers: page.headers });
}

async function asset(request: Request, path: string): Promise<Response> {
  return (await kept(path)) ?? fetch(request);
}
