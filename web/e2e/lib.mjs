// What the browser tests stand on: a server of their own, a browser that fails the test at the first sign of trouble, and
// helpers for the API. No waiting by the clock: locators, requests and answers are waited for.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, watch as watchFiles } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.CREDLANE_BINARY ?? path.join(root, 'bin/credlane');
const run = promisify(execFile);

// atEnd runs what is to be done at a test's end in reverse: the browser leaves before its server does.
const ends = new WeakMap();
function atEnd(t, fn) {
  if (!ends.has(t)) {
    const stack = [];
    ends.set(t, stack);
    t.after(async () => {
      const errors = [];
      while (stack.length > 0) await stack.pop()().catch((err) => errors.push(err));
      if (errors.length > 0) throw errors[0];
    });
  }
  ends.get(t).push(fn);
}

// ---- The server

// server starts bin/credlane, or the program that CREDLANE_BINARY names, with a data directory and a database of its own.
//   env:  further settings, such as CREDLANE_REGISTRATION: 'open'
//   demo: the number of candidates of the example employer, which is made first; none without it
// It gives { url, env, sql(text), cli(...args), kill(), restart(), stop(), log() } and is stopped when the test ends.
export async function server(t, { env = {}, demo = 0 } = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'credlane-e2e-'));
  await chmod(dir, 0o711); // as root, the database runs as a user without rights, who must come through here
  const { port, release } = await claim();
  const url = `http://localhost:${port}`;
  const all = {
    ...process.env,
    CREDLANE_ADDR: `localhost:${port}`, CREDLANE_PUBLIC_URL: url, CREDLANE_DATA_DIR: path.join(dir, 'data'), CREDLANE_LOG_FORMAT: 'text', ...env,
  };
  const cli = async (...args) => (await run(binary, args, { env: all, maxBuffer: 64 << 20 })).stdout;
  const s = { url, env: all, dir, cli, child: null, lines: [] };
  s.log = () => s.lines.join('');
  s.start = () => start(s);
  s.stop = () => end(s, 'SIGTERM');
  s.kill = () => end(s, 'SIGKILL');
  s.restart = async () => { await s.stop(); await s.start(); };
  s.sql = (text) => sql(all.CREDLANE_DATA_DIR, text);
  atEnd(t, async () => {
    await s.stop();
    await stopDatabase(all.CREDLANE_DATA_DIR);
    await rm(dir, { recursive: true, force: true });
    await release();
  });
  if (demo > 0) s.demo = await cli('demo', '--candidates', String(demo));
  await s.start();
  return s;
}

async function start(s) {
  s.child = spawn(binary, ['serve'], { env: s.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const child = s.child;
  await new Promise((resolve, reject) => {
    const take = (chunk) => {
      s.lines.push(String(chunk));
      if (String(chunk).includes('CredLane is ready')) resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`credlane ended with ${code}:\n${s.log()}`)));
  });
}

function end(s, signal) {
  const child = s.child;
  s.child = null;
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}

// A server that was killed leaves its database running, as it should.
async function stopDatabase(data) {
  const pidFile = path.join(data, 'postgres', 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  try {
    process.kill(pid, 'SIGINT');
  } catch (err) {
    if (err.code !== 'ESRCH') throw err;
    return;
  }
  await gone(pidFile);
}

function gone(file) {
  return new Promise((resolve) => {
    const look = () => {
      if (existsSync(file)) return;
      watcher.close();
      resolve();
    };
    const watcher = watchFiles(path.dirname(file), look);
    look();
  });
}

// sql runs statements in the server's own database, over its private socket, and gives the rows as lists of texts.
async function sql(data, text) {
  const account = databaseAccount(data);
  const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-F', '\t', '-h', socketDir(data, account.uid), '-U', 'credlane', '-d', 'credlane', '-c', text];
  const { stdout } = await run(psql(), args, { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' }, ...account, maxBuffer: 64 << 20 });
  return stdout.split('\n').filter(Boolean).map((line) => line.split('\t'));
}

function databaseAccount(data) {
  if (process.getuid() !== 0) return {};
  const [uid, gid] = execFileSync('stat', ['-c', '%u %g', path.join(data, 'postgres')]).toString().trim().split(' ').map(Number);
  return { uid, gid };
}

// Where the program puts it (app/kit/pglocal): in the data directory, where its name is short enough.
function socketDir(data) {
  const dir = path.join(data, 'run');
  assert.ok(existsSync(dir), `no socket in ${dir}`);
  return dir;
}

function psql() {
  for (const dir of (process.env.PATH ?? '').split(':')) if (existsSync(path.join(dir, 'psql'))) return path.join(dir, 'psql');
  return path.join(execFileSync('pg_config', ['--bindir']).toString().trim(), 'psql');
}

// Ports of servers under test lie below those that the system deals out to connections, which could take one during a restart.
const ports = { from: 20_000, to: 32_000 };

// claim gives a port that is this test's own until release. The claim is its UDP twin: of several processes that want it at
// once the kernel gives it to one, and takes it back when that one is gone.
async function claim() {
  const count = ports.to - ports.from;
  for (let i = 0; i < count; i++) {
    const port = ports.from + (process.pid * 7 + i) % count;
    const held = await hold(port);
    if (!held) continue;
    if (await listens(port)) return { port, release: () => new Promise((resolve) => { held.close(resolve); }) };
    held.close();
  }
  throw new Error('there is no free port');
}

function hold(port) {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (err) => (err.code === 'EADDRINUSE' ? resolve(null) : reject(err)));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref(); // it keeps nobody from ending
      resolve(socket);
    });
  });
}

// listens tells whether a server can have the port now.
function listens(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (err) => (err.code === 'EADDRINUSE' ? resolve(false) : reject(err)));
    probe.listen(port, 'localhost', () => probe.close(() => resolve(true)));
  });
}

// ---- The browser

export function executable() {
  const names = [process.env.CREDLANE_CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].filter(Boolean);
  for (const name of names) {
    if (path.isAbsolute(name) && existsSync(name)) return name;
    for (const dir of (process.env.PATH ?? '').split(':')) if (existsSync(path.join(dir, name))) return path.join(dir, name);
  }
  return '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
}

export function launch() {
  return chromium.launch({
    executablePath: executable(),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--force-color-profile=srgb'],
  });
}

// browser gives a browser whose pages fail the test, when it ends, for anything on the console, for a refusal by the page's
// policy, for an uncaught error, and for a request to anybody else.
//   open(options): a page of its own context (its own cookies). Options: width, height, theme, locale, js, mobile, timezone,
//                  and allow, a list of patterns of console messages that the test brings about on purpose.
// page.goto takes paths when the server's url is given: browser(t, { url: s.url }).
export async function browser(t, defaults = {}) {
  const app = await launch();
  const troubles = [];
  atEnd(t, async () => {
    await app.close();
    assert.deepEqual(troubles, [], 'the browser had nothing to complain of');
  });
  const open = async (options = {}) => {
    const o = { width: 1440, height: 900, theme: 'light', locale: 'en-GB', js: true, mobile: false, timezone: 'Europe/Oslo', allow: [], ...defaults, ...options };
    const context = await app.newContext({
      baseURL: o.url, viewport: { width: o.width, height: o.height }, colorScheme: o.theme, locale: o.locale, timezoneId: o.timezone,
      javaScriptEnabled: o.js, isMobile: o.mobile, hasTouch: o.mobile, reducedMotion: o.motion ? 'no-preference' : 'reduce', serviceWorkers: 'allow',
      forcedColors: o.forced ? 'active' : 'none',
    });
    context.setDefaultTimeout(20_000);
    watch(context, o, troubles);
    const page = await context.newPage();
    return page;
  };
  return { open, app, troubles };
}

function watch(context, o, troubles) {
  const home = o.url ? new URL(o.url).host : null;
  const say = (text) => { if (!o.allow.some((pattern) => pattern.test(text))) troubles.push(text); };
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') say(`console: ${message.text()} at ${message.location().url}`);
  });
  context.on('weberror', (error) => say(`error: ${error.error().stack}`));
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (/^(https?|wss?):$/.test(protocol) && home && host !== home) say(`request to somebody else: ${request.url()}`);
  });
}

// ---- Accessibility

const axeSource = readFileSync(path.join(root, 'web/node_modules/axe-core/axe.min.js'), 'utf8');

// axe fails the test for any violation of WCAG 2.2 AA and of axe's good practice. It runs in a world of its own, which the
// page's policy does not bind.
export async function axe(page, name, { exclude = [] } = {}) {
  const world = await isolated(page);
  await world.evaluate(axeSource);
  const found = await world.evaluate(`axe.run({ exclude: ${JSON.stringify(exclude.map((s) => [s]))} }, { resultTypes: ['violations'] })
    .then((r) => r.violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map((n) => n.target.join(' ') + ': ' + n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? '')) })))`);
  assert.deepEqual(found, [], `axe on ${name} (${new URL(page.url()).pathname})`);
}

async function isolated(page) {
  const client = await page.context().newCDPSession(page);
  const { frameTree } = await client.send('Page.getFrameTree');
  const { executionContextId } = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'checks' });
  return {
    async evaluate(expression) {
      const { result, exceptionDetails } = await client.send('Runtime.evaluate', { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
  };
}

// noSideways fails where the page scrolls sideways.
export async function noSideways(page, name) {
  const { wide, at } = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    const over = [...document.querySelectorAll('body *')].find((el) => el.getBoundingClientRect().right > limit + 1 && !el.closest('.tbl-wrap, .tabs, .seg, [popover], .sr'));
    return { wide: document.documentElement.scrollWidth - limit, at: over ? over.outerHTML.slice(0, 200) : '' };
  });
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px: ${at}`);
}

// shifts begins to watch the page's layout; the function that it gives returns how far it has moved since (CLS).
export async function shifts(page) {
  await page.addInitScript(() => {
    globalThis.__shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.__shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  return () => page.evaluate(() => globalThis.__shift);
}

// weigh sums what a page takes over the wire at its first load, by kind, in bytes as sent.
export async function weigh(page, go) {
  const sums = { document: 0, stylesheet: 0, script: 0, font: 0, other: 0 };
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  await client.send('Network.setCacheDisabled', { cacheDisabled: true });
  await client.send('Network.setBypassServiceWorker', { bypass: true }); // what it keeps weighs nothing, and is no first load
  const kinds = new Map();
  client.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type.toLowerCase()));
  client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId) ?? 'other';
    sums[kind in sums ? kind : 'other'] += encodedDataLength;
  });
  await go();
  await page.evaluate(() => document.fonts.ready);
  await client.detach();
  for (const kind of ['document', 'stylesheet']) assert.ok(sums[kind] > 0, `nothing came over the wire as ${kind} of ${page.url()}`);
  return sums;
}

const budgets = {
  candidate: { all: 60, script: 30, font: 50 },
  employer: { all: 150, script: 80, font: 90 },
};

// light loads a page for the first time and fails where it is heavier than its kind may be ('candidate' or 'employer'), where it
// jumps, or where what is largest on it was not in the HTML as it came. It gives the weights.
export async function light(page, kind, where) {
  const most = budgets[kind];
  const moved = await shifts(page);
  let html;
  const sums = await weigh(page, async () => { html = await (await page.goto(where, { waitUntil: 'load' })).text(); });
  const said = `${where}: ${JSON.stringify(sums)}`;
  assert.ok(sums.document + sums.stylesheet + sums.script <= most.all << 10, `too heavy, ${said}`);
  assert.ok(sums.script <= most.script << 10, `too much script, ${said}`);
  assert.ok(sums.font <= most.font << 10, `too heavy fonts, ${said}`);
  assert.ok(await moved() <= 0.02, `the layout of ${where} moved by ${await moved()}`);
  const word = await largest(page);
  assert.ok(html.includes(word), `the largest part of ${where} waits for a script: ${word}`);
  return sums;
}

// largest gives the longest word of the element whose painting was the page's largest so far; a picture has none and fails.
function largest(page) {
  return page.evaluate(async () => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); // what was just put there is painted
    const { element } = await new Promise((resolve) => {
      new PerformanceObserver((list) => resolve(list.getEntries().at(-1))).observe({ type: 'largest-contentful-paint', buffered: true });
    });
    return (element?.textContent ?? '').split(/[^\p{L}\p{N}]+/u).reduce((a, b) => (b.length > a.length ? b : a), '') || 'a picture';
  });
}

// focused tells which element has the focus, and whether its ring can be seen.
export function focused(page) {
  return page.evaluate(() => {
    const el = document.activeElement;
    const ring = (node) => { const s = getComputedStyle(node); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1; };
    const seen = ring(el) || Boolean(el.closest('.opt, .seg > *, .drop, .btn, .tags, label') && ring(el.closest('.opt, .seg > *, .drop, .btn, .tags, label')));
    return { tag: el.tagName.toLowerCase(), id: el.id, name: (el.getAttribute('aria-label') ?? el.textContent ?? '').trim().slice(0, 60), seen };
  });
}

// ---- People

export const owner = { employer: 'Tessera Freight', name: 'Ines Okafor', email: 'ines.okafor@tessera-freight.example', password: 'a long and quiet road' };

// register makes the first employer in the browser, as the first visitor would, and is signed in afterwards.
export async function register(page, who = owner) {
  await page.goto('/app/register');
  await page.locator('[name="organizationName"]').fill(who.employer);
  await page.locator('[name="name"]').fill(who.name);
  await page.locator('[name="email"]').fill(who.email);
  await page.locator('[name="password"]').fill(who.password);
  await page.locator('main form button[type="submit"]').click();
  await page.waitForURL('**/app/assessments**');
}

// login signs somebody in over the form.
export async function login(page, { email, password } = owner) {
  await page.goto('/app/login');
  await page.locator('[name="email"]').fill(email);
  await page.locator('[name="password"]').fill(password);
  await page.locator('main form button[type="submit"]').click();
  await page.waitForURL('**/app/assessments**');
}

// api calls the API with a member's token: const ask = await api(s); await ask('POST', '/assessments', {...}). It gives the
// answer's body, and fails the test when the answer is no success, unless { fails: true } asks for the whole answer.
export async function api(s, { email, password } = owner) {
  const signIn = await fetch(`${s.url}/api/v1/auth/login`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email, password }),
  });
  assert.equal(signIn.status, 200, await signIn.clone().text());
  const { accessToken } = await signIn.json();
  return async (method, where, body, { headers = {}, fails = false } = {}) => {
    const answer = await fetch(`${s.url}/api/v1${where}`, {
      method,
      headers: { Authorization: `Bearer ${accessToken}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const data = /json/.test(answer.headers.get('Content-Type') ?? '') && text ? JSON.parse(text) : text;
    if (fails) return { status: answer.status, data, headers: answer.headers };
    assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${text}`);
    return data;
  };
}

// signUp makes the first employer over the API, for tests that are about something else, and gives its api().
export async function signUp(s, who = owner) {
  const made = await fetch(`${s.url}/api/v1/auth/register`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ organizationName: who.employer, name: who.name, email: who.email, password: who.password }),
  });
  assert.ok(made.ok, await made.text());
  return api(s, who);
}
