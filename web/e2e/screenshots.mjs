// Writes every page and state to ./screenshots, light and dark, wide and narrow, from a server with the example employer.
//   node web/e2e/screenshots.mjs [PART OF A NAME ...]
//   node web/e2e/screenshots.mjs --readme      the four small pictures of the README, into ./docs
//
// Each area lists its own in shots/AREA.mjs: export default [{
//   name:    'import-check'          the picture is screenshots/import-check-1440-light.png
//   path:    '/app/...' or async (ctx) => '/app/...'
//   as:      'owner' (what is meant without it) or 'nobody'
//   cookies: async (ctx) => [{ name, value }]     instead of the owner's
//   act:     async (page, ctx) => {}              brings the page into the state
//   sizes, themes, whole: only some of them; whole: false takes the window instead of the page
//   ends:    true                                 also on the narrowest phone and a very wide screen, light
//   locale, js                                    'ar-XB' for a candidate's pages from right to left; false without a script
//   alone:   true                                 on a server without an employer, as nobody
//   fresh:   true                                 on a server whose employer has just registered
// }]
// ctx: { s, url, sql, cli, ask (the API, as the owner), who, once(name, fn): what fn made the first time }
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { api, launch, owner, root, server, signUp } from './lib.mjs';
import { pictures } from './shots-readme.mjs';

const out = path.join(root, 'screenshots');
const wanted = process.argv.slice(2).filter((word) => word !== '--readme');
const forReadme = process.argv.includes('--readme');

const ends = [];
const t = { after: (fn) => ends.unshift(fn) };

async function entries() {
  const folder = path.join(root, 'web/e2e/shots');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.mjs')).sort();
  const lists = await Promise.all(files.map(async (file) => (await import(pathToFileURL(path.join(folder, file)).href)).default));
  return lists.flat().filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
}

async function signedIn(browser, s, who) {
  const context = await browser.newContext({ baseURL: s.url });
  const page = await context.newPage();
  await page.goto('/app/login');
  await page.locator('[name="email"]').fill(who.email);
  await page.locator('[name="password"]').fill(who.password);
  await page.locator('main form button[type="submit"]').click();
  await page.waitForURL('**/app/assessments**');
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}

// looks gives the widths and themes of an entry.
function looks({ sizes = [1440, 390], themes = ['light', 'dark'], ends: toTheEnds = false }) {
  const all = sizes.flatMap((width) => themes.map((theme) => ({ width, theme })));
  return toTheEnds ? [...all, { width: 320, theme: 'light' }, { width: 2560, theme: 'light' }] : all;
}

// shown opens an entry's page, brings it into its state and hands it to take.
async function shown(browser, ctx, entry, { width, height, theme }, take) {
  const mobile = width < 600;
  const context = await browser.newContext({
    baseURL: ctx.url, viewport: { width, height: height ?? (mobile ? 844 : width > 2000 ? 1440 : 900) }, colorScheme: theme, isMobile: mobile, hasTouch: mobile,
    reducedMotion: 'reduce', locale: entry.locale ?? 'en-GB', javaScriptEnabled: entry.js !== false, timezoneId: 'Europe/Oslo', deviceScaleFactor: 1,
  });
  context.setDefaultTimeout(30_000);
  try {
    const cookies = entry.cookies ? await entry.cookies(ctx) : entry.as === 'nobody' || entry.alone ? [] : ctx.cookies;
    await context.addCookies(cookies.map((c) => ({ ...c, ...(c.domain ? {} : { url: ctx.url }) })));
    const page = await context.newPage();
    await page.goto(typeof entry.path === 'function' ? await entry.path(ctx) : entry.path);
    if (entry.act) await entry.act(page, ctx);
    await page.evaluate(() => document.fonts.ready);
    await take(page, context);
  } finally {
    await context.close();
  }
}

// picture takes the whole page by a window as high as it is, so that what stands at the window's foot does not stand in the middle.
async function picture(browser, ctx, entry, { width, theme }) {
  await shown(browser, ctx, entry, { width, theme }, async (page) => {
    const whole = entry.whole !== false;
    if (whole) {
      const high = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width, height: Math.min(Math.max(high, page.viewportSize().height), 8000) });
    }
    await page.screenshot({ path: path.join(out, `${entry.name}-${width}-${theme}.png`), fullPage: whole, animations: 'disabled' });
  });
}

// readme writes the README's pictures, small: WebP, which only the browser's own protocol takes.
async function readme(browser) {
  const folder = path.join(root, 'docs');
  await mkdir(folder, { recursive: true });
  const ctx = await demoWorld(browser);
  for (const entry of pictures) {
    await shown(browser, ctx, entry, entry, async (page, context) => {
      const client = await context.newCDPSession(page);
      const { data } = await client.send('Page.captureScreenshot', { format: 'webp', quality: 72 });
      const bytes = Buffer.from(data, 'base64');
      if (bytes.length > 60 << 10) throw new Error(`${entry.name} has ${bytes.length} bytes`);
      await writeFile(path.join(folder, `${entry.name}.webp`), bytes);
    });
  }
}

function context(s, more = {}) {
  const made = new Map();
  const ctx = { s, url: s.url, sql: s.sql, cli: s.cli, cookies: [], ...more };
  ctx.once = (name, fn) => {
    if (!made.has(name)) made.set(name, fn(ctx));
    return made.get(name);
  };
  return ctx;
}

async function freshWorld(browser) {
  // Mail that nobody takes: what is sent is kept, and the pages offer what they offer where mail goes out.
  const s = await server(t, { env: { CREDLANE_SMTP_URL: 'smtp://127.0.0.1:1', CREDLANE_MAIL_FROM: 'no-reply@example.com' } });
  const ask = await signUp(s);
  return context(s, { ask, who: owner, cookies: await signedIn(browser, s, owner) });
}

async function demoWorld(browser) {
  const s = await server(t, { demo: 120 });
  const who = { email: /Sign in as (\S+)/.exec(s.demo)[1], password: /with the password (\S+)/.exec(s.demo)[1] };
  return context(s, { ask: await api(s, who), who, cookies: await signedIn(browser, s, who) });
}

async function main() {
  const browser = await launch();
  t.after(() => browser.close());
  if (forReadme) return readme(browser);
  await mkdir(out, { recursive: true });
  const all = await entries();
  const worlds = {
    alone: all.some((e) => e.alone) ? context(await server(t)) : null,
    fresh: all.some((e) => e.fresh) ? await freshWorld(browser) : null,
    demo: all.some((e) => !e.alone && !e.fresh) ? await demoWorld(browser) : null,
  };
  const failed = [];
  for (const entry of all) {
    const here = worlds[entry.alone ? 'alone' : entry.fresh ? 'fresh' : 'demo'];
    await Promise.all(looks(entry).map((look) => picture(browser, here, entry, look)
      .catch((err) => failed.push(`${entry.name} ${look.width} ${look.theme}: ${err.message.split('\n')[0]}`))));
    process.stdout.write('.');
  }
  process.stdout.write(`\n${all.length} pages and states are in ${path.relative(process.cwd(), out)}\n`);
  for (const line of failed) console.error(line);
  if (failed.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  while (ends.length > 0) await ends.shift()();
}
