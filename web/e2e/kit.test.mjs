// What the pages' scripts share: forms over the API, questions before what is destroyed, toasts with a way back, refreshing in
// place, menus, keys, the palette. On a page of its own, with an API that the test plays.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { axe, browser, focused, root } from './lib.mjs';

const url = 'http://kit.test';
const dist = path.join(root, 'web/dist');
const manifest = JSON.parse(readFileSync(path.join(dist, 'manifest.json'), 'utf8'));
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'";
const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

const shell = (main) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kit</title>
<link rel="icon" href="/assets/${manifest['favicon.svg']}"><link rel="stylesheet" href="/assets/${manifest['app.css']}">
<script type="module" src="/assets/${manifest['app.js']}"></script></head>
<body><nav id="nav" aria-label="Workspace"><a href="/app/assessments"><svg class="i" aria-hidden="true"><use href="/assets/${manifest['icons.svg']}#assess"/></svg>Assessments</a></nav>
<button class="find" type="button" data-palette>Search</button>
<main id="main" class="page" tabindex="-1"><h1>Kit</h1>${main}</main><div id="toasts" class="toasts" role="status" aria-live="polite"></div></body></html>`;

// kit opens a page of the given inner HTML. state.main may change, as what the server knows does; state.asked collects the
// calls; state.answer makes the answers.
async function kit(t, main, answer = () => ({ status: 200, json: {} }), options = {}) {
  const { open } = await browser(t, { url });
  const page = await open({ allow: [/Failed to load resource/], ...options });
  const state = { main, asked: [], answer };
  await page.context().route('**/*', async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    if (pathname.startsWith('/assets/')) {
      const file = path.join(dist, path.basename(pathname));
      return route.fulfill({ body: readFileSync(file), contentType: types[path.extname(file)] });
    }
    if (!pathname.startsWith('/api/')) return route.fulfill({ body: shell(state.main), contentType: 'text/html', headers: { 'Content-Security-Policy': policy } });
    const body = request.postData();
    state.asked.push({ method: request.method(), path: pathname + search, body: body ? JSON.parse(body) : undefined, headers: request.headers() });
    const { abort, status = 200, json, headers } = await state.answer(state.asked.at(-1));
    return abort ? route.abort() : route.fulfill({ status, json, headers: { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers } });
  });
  await page.goto('/kit');
  return { page, state };
}

const fields = `<form data-api="PATCH /api/v1/thing" data-done="Saved" data-if-match='"7"'>
<div class="field"><label class="label" for="title">Title</label><input class="input" id="title" name="title" value="Old" aria-describedby="title-hint"><p class="hint" id="title-hint">Short</p></div>
<div class="field"><label class="label" for="minutes">Minutes</label><input class="input" id="minutes" name="limits.minutes" data-type="number" value="30"></div>
<label class="check"><input type="checkbox" name="open" checked> Open</label>
<div class="field"><label class="label" for="tags">Tags</label><textarea class="textarea" id="tags" name="tags" data-type="lines">go\n\n sql </textarea></div>
<fieldset><legend>Days</legend><label class="check"><input type="checkbox" name="days[]" value="mon" checked> Mon</label><label class="check"><input type="checkbox" name="days[]" value="tue"> Tue</label></fieldset>
<button class="btn primary" type="submit">Save</button></form>`;

test('a form becomes JSON, is saved, and the page is brought up to date', async (t) => {
  const { page, state } = await kit(t, fields);
  await axe(page, 'kit');
  await page.getByLabel('Title').fill('New');
  state.main = fields.replace('value="Old"', 'value="New, trimmed"');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.toast').filter({ hasText: 'Saved' }).waitFor();
  assert.deepEqual(state.asked[0].body, { title: 'New', limits: { minutes: 30 }, open: true, tags: ['go', 'sql'], days: ['mon'] });
  assert.equal(state.asked[0].headers['if-match'], '"7"');
  assert.equal(await page.getByLabel('Title').inputValue(), 'New, trimmed', 'what is saved is the server\'s to say');
  await axe(page, 'kit with a toast');
});

test('what somebody types meanwhile in another form stays, and so do focus and open dialogs', async (t) => {
  const main = `${fields}<form><label for="draft">Draft</label><input class="input" id="draft" value=""></form>
    <details id="more"><summary>More</summary><p>Open</p></details><button type="button" data-api="POST /api/v1/go">Go</button><p id="state">before</p>`;
  const { page, state } = await kit(t, main);
  await page.locator('#more summary').click();
  await page.getByLabel('Draft').fill('half a sentence');
  state.main = main.replace('before', 'after');
  const go = page.getByRole('button', { name: 'Go' });
  await go.focus();
  await page.keyboard.press('Enter');
  await page.locator('#state', { hasText: 'after' }).waitFor();
  assert.equal(await page.getByLabel('Draft').inputValue(), 'half a sentence');
  assert.equal(await page.locator('#more').getAttribute('open'), '');
  assert.equal((await focused(page)).name, 'Go');
});

test('a refusal stands at its field, is read out with it, and goes when the field is mended', async (t) => {
  const { page } = await kit(t, fields, () => ({ status: 422, json: {
    status: 422, code: 'invalid', detail: 'Two fields need another look.', errors: [
      { location: 'body.limits.minutes', message: 'At least 5 minutes.' }, { location: 'body.title', message: 'Give it a title.' }, { location: 'body.other', message: 'Something else.' }] } }));
  await page.getByRole('button', { name: 'Save' }).click();
  const minutes = page.getByLabel('Minutes');
  await page.getByText('At least 5 minutes.').waitFor();
  assert.equal((await focused(page)).id, 'minutes', 'the first reason has the focus');
  assert.equal(await minutes.getAttribute('aria-invalid'), 'true');
  const described = await minutes.getAttribute('aria-describedby');
  assert.equal(await page.locator(`#${described}`).textContent(), 'At least 5 minutes.');
  await page.getByRole('alert').filter({ hasText: 'Two fields need another look.' }).filter({ hasText: 'Something else.' }).waitFor();
  await axe(page, 'kit with errors');
  assert.equal((await page.getByLabel('Title').getAttribute('aria-describedby')).split(' ').length, 2, 'the hint is still there');
  await minutes.fill('10');
  assert.equal(await page.getByText('At least 5 minutes.').count(), 0);
  assert.equal(await minutes.getAttribute('aria-invalid'), null);
  await page.getByLabel('Title').fill('Better');
  assert.equal(await page.getByLabel('Title').getAttribute('aria-describedby'), 'title-hint');
});

test('without a network a form says what is kept and what to do, and nothing is lost', async (t) => {
  const { page } = await kit(t, fields, () => ({ abort: true }));
  await page.getByLabel('Title').fill('Typed on a train');
  await page.getByRole('button', { name: 'Save' }).click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  assert.match(await alert.textContent(), /could not be reached\. What you typed is still here\. Try again when the connection is back/);
  assert.equal(await page.getByLabel('Title').inputValue(), 'Typed on a train');
});

test('what destroys asks once, with the focus on the safe choice, and can be taken back', async (t) => {
  const button = `<button class="btn" type="button" data-api="POST /api/v1/x/close" data-confirm="Close it?" data-confirm-body="Nobody new can start."
    data-confirm-action="Close it" data-confirm-keep="Keep it open" data-done="Closed" data-undo="POST /api/v1/x/open">Close</button>`;
  const { page, state } = await kit(t, button);
  const close = page.getByRole('button', { name: 'Close', exact: true });
  await close.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('alertdialog', { name: 'Close it?' }).waitFor();
  await axe(page, 'kit with a question');
  assert.equal((await focused(page)).name, 'Keep it open');
  await page.keyboard.press('Enter');
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
  assert.equal((await focused(page)).name, 'Close', 'the focus is back where it was');
  assert.deepEqual(state.asked, []);

  await close.click();
  await page.getByRole('button', { name: 'Close it', exact: true }).click();
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await page.locator('.toast').waitFor({ state: 'detached' });
  assert.deepEqual(state.asked.map((a) => a.path), ['/api/v1/x/close', '/api/v1/x/open']);
  assert.equal((await focused(page)).name, 'Close', 'the focus goes back from the toast to where it came from');
});

test('a name must be typed where that is asked for', async (t) => {
  const { page, state } = await kit(t, '<button class="btn" data-api="DELETE /api/v1/keys/1" data-confirm="Revoke it?" data-confirm-typed="ci key" data-confirm-action="Revoke it">Revoke</button>');
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  const act = page.getByRole('button', { name: 'Revoke it' });
  assert.equal(await act.isDisabled(), true);
  await page.getByLabel('Type ci key to go on').fill('ci key');
  const [asked] = await Promise.all([page.waitForRequest('**/api/**'), act.click()]);
  assert.equal(asked.method(), 'DELETE');
  await (await asked.response()).finished();
  assert.equal(state.asked.length, 1);
});

test('a second press while the first is under way is no second call', async (t) => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const { page, state } = await kit(t, '<button class="btn" data-api="POST /api/v1/once" data-done="Done">Once</button>', async () => { await held; return { status: 200, json: {} }; });
  const once = page.getByRole('button', { name: 'Once' });
  await once.click();
  await page.locator('[aria-busy="true"]').waitFor();
  await once.click();
  release();
  await page.locator('.toast').waitFor();
  assert.equal(state.asked.length, 1);
});

test('a menu opens beside its button, takes the arrow keys, and gives the focus back', async (t) => {
  const { page } = await kit(t, `<button class="btn" type="button" popovertarget="m" aria-expanded="false">More</button>
    <div class="menu" id="m" popover><button type="button">Rename</button><button type="button">Archive</button></div>`);
  const button = page.getByRole('button', { name: 'More' });
  await button.focus();
  await page.keyboard.press('Enter');
  await page.locator('.menu button:focus', { hasText: 'Rename' }).waitFor();
  assert.equal(await button.getAttribute('aria-expanded'), 'true');
  const [at, menu] = [await button.boundingBox(), await page.locator('.menu').boundingBox()];
  assert.ok(Math.abs(menu.x - at.x) <= 1 && menu.y >= at.y + at.height, JSON.stringify([at, menu]));
  await page.keyboard.press('ArrowDown');
  assert.equal((await focused(page)).name, 'Archive');
  await page.keyboard.press('ArrowDown');
  assert.equal((await focused(page)).name, 'Rename');
  await page.keyboard.press('Escape');
  assert.equal((await focused(page)).name, 'More');
});

test('the palette finds pages at once and assessments by the API, and goes there', async (t) => {
  const { page, state } = await kit(t, '<p>Here</p>', () => ({ json: { items: [{ id: 'a1', title: 'Go & Postgres', status: 'active' }] } }));
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: /Assessments/ }).waitFor();
  await page.keyboard.type('go &');
  await page.getByRole('option', { name: /Go & Postgres/ }).waitFor();
  assert.equal(state.asked[0].path, '/api/v1/assessments?limit=8&q=go%20%26');
  await axe(page, 'palette');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/app/assessments/a1');
});

test('the palette does not say that there is nothing before it knows, nor when it cannot know', async (t) => {
  let answered;
  const answer = new Promise((resolve) => { answered = resolve; });
  const { page, state } = await kit(t, '<p>Here</p>', () => ({ abort: true }));
  await page.keyboard.press('Control+k');
  await page.keyboard.type('kubern');
  await page.getByRole('option', { name: 'The search did not work. Type on to try again.' }).waitFor();
  state.answer = () => answer;
  await page.keyboard.type('e');
  await page.getByRole('option', { name: 'Searching' }).waitFor();
  await page.keyboard.press('Enter'); // it is taken at its word once there is something
  answered({ json: { items: [{ id: 'k8', title: 'Kubernetes', status: 'draft' }] } });
  await page.waitForURL('**/app/assessments/k8');
});

test('what must be done once has a key, over plain HTTP too', async (t) => {
  const { page, state } = await kit(t, '<button type="button" data-api="POST /api/v1/things" data-idempotent data-then="none" data-done="Made">Make it</button>');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('Made').waitFor();
  assert.match(state.asked[0].headers['idempotency-key'], /^[0-9a-f]{32}$/);
});

test('the palette leads to no page that its reader may not open', async (t) => {
  const { page } = await kit(t, '<p>Here</p>');
  await page.keyboard.press('g');
  await page.getByRole('option', { name: /Your sessions/ }).waitFor();
  assert.equal(await page.getByRole('option', { name: /Members/ }).count(), 0);
  await page.keyboard.press('Escape');
  await page.locator('[data-palette]').evaluate((button) => { button.dataset.palette = 'admin'; });
  await page.keyboard.press('g');
  await page.getByRole('option', { name: /Members/ }).waitFor();
});

test('single keys act outside of fields alone, are listed under ?, and can be switched off', async (t) => {
  const { page } = await kit(t, '<label for="text">Text</label><input class="input" id="text">');
  await page.getByLabel('Text').press('g');
  assert.equal(await page.getByLabel('Text').inputValue(), 'g');
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.locator('h1').click();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await axe(page, 'keys');
  await page.getByLabel('Single keys act on this page').uncheck();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.keyboard.press('?');
  await page.getByLabel('Single keys act on this page').check();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  await page.getByRole('dialog', { name: 'Search or jump to' }).waitFor();
});

test('a button copies and says so, over plain HTTP too', async (t) => {
  const { page } = await kit(t, '<button class="btn" type="button" data-copy="ck_live_123">Copy key</button><label for="in">In</label><input class="input" id="in">');
  await page.getByRole('button', { name: 'Copy key' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  await page.getByRole('button', { name: 'Copy key' }).waitFor();
  await page.getByLabel('In').focus();
  await page.keyboard.press('Control+v');
  assert.equal(await page.getByLabel('In').inputValue(), 'ck_live_123');
});

test('times stand in the viewer\'s own zone', async (t) => {
  const { page } = await kit(t, '<p><time data-when datetime="2026-11-27T18:00:00Z">27 Nov 2026, 18:00 UTC</time></p>', undefined, { timezone: 'Asia/Tokyo' });
  await page.locator('time', { hasText: '28 Nov 2026, 03:00' }).waitFor();
  assert.match(await page.locator('time').getAttribute('title'), /Saturday/);
});

test('a dialog closes on Escape and beside itself, but not over what was typed', async (t) => {
  const { page } = await kit(t, `<button class="btn" type="button" data-dialog="d">Open</button>
    <dialog class="dialog" id="d" aria-labelledby="dt"><header><h2 id="dt">New</h2></header><div class="body"><label for="n">Name</label><input class="input" id="n"></div>
    <footer><button class="btn" type="button" data-close>Cancel</button></footer></dialog>`);
  const dialog = page.getByRole('dialog', { name: 'New' });
  await page.getByRole('button', { name: 'Open' }).click();
  await dialog.waitFor();
  await page.mouse.click(5, 5);
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByLabel('Name').fill('half');
  await page.mouse.click(5, 5);
  assert.equal(await dialog.isVisible(), true);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal((await focused(page)).name, 'Open');
});
