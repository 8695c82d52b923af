// The candidate before and after the test: the landing by either link, the start, handing in, the receipt, the result and the
// data; with and without script, wide and narrow, light and dark, from the left and from the right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, browser, focused, noSideways, server, shifts, signUp, weigh } from './lib.mjs';

const env = { CREDLANE_SMTP_URL: 'smtp://127.0.0.1:1', CREDLANE_MAIL_FROM: 'no-reply@example.com' };
const refusals = [/Failed to load resource: the server responded with a status of (401|404|409|422)/];

// publish makes an assessment with a question of each type and gives { id, slug }.
async function publish(ask, title, settings = {}) {
  const { id } = await ask('POST', '/assessments', { title });
  await ask('PATCH', `/assessments/${id}`, settings, { headers: { 'If-Match': '*' } });
  const options = [{ id: 'a', text: 'It prints `0`' }, { id: 'b', text: 'It panics' }, { id: 'c', text: 'Nothing' }];
  for (const q of [
    { type: 'single_choice', prompt: 'What happens?\n\n```go\nvar m map[string]int\nfmt.Println(len(m))\n```', options, answerKey: { optionId: 'a' }, explanation: 'A nil map has **no** keys.' },
    { type: 'multiple_choice', prompt: 'Which hold?', options, creditRule: 'right_minus_wrong', answerKey: { optionIds: ['a', 'b'] } },
    { type: 'true_false', prompt: 'A unique index takes several NULLs.', answerKey: { value: true } },
    { type: 'short_text', prompt: 'Which command lists files?', answerKey: { accepted: ['ls', 'dir'] } },
    { type: 'numeric', prompt: 'How many?', answerKey: { value: '12.5', tolerance: '0.5' } },
  ]) await ask('POST', `/assessments/${id}/questions`, q);
  return ask('POST', `/assessments/${id}/publish`, {});
}

async function invite(ask, id, ...invites) {
  const { results } = await ask('POST', `/assessments/${id}/invites`, { invites });
  return results.map((r) => new URL(r.invite.url).pathname);
}

async function fillIn(page, email, name = 'Amara Lindqvist') {
  await page.locator('#name').fill(name);
  await page.locator('#email').fill(email);
  await page.locator('#consent').check();
}

const start = (page) => page.locator('form[data-start] button[type="submit"]');
// By its state: the words that a button does not show just now stand in it too.
const waits = (page) => page.locator('form[data-start] button[aria-disabled="true"]', { hasText: 'Waiting for a connection' }).waitFor();
const ready = (page) => page.locator('form[data-start] button[aria-disabled="false"]', { hasText: 'Start, 30 minutes' }).waitFor();

test('somebody goes from the landing to the result on a phone, without script', async (t) => {
  const s = await server(t, { env });
  const ask = await signUp(s);
  const { slug } = await publish(ask, 'Backend Engineer', { timeLimitMinutes: 75, resultRelease: 'review' });
  const { open } = await browser(t, { url: s.url, js: false, width: 390, height: 844, mobile: true, allow: refusals });
  const page = await open();
  await page.goto(`/a/${slug}`);
  assert.equal(await page.locator('#consent').isChecked(), false);
  await start(page).tap();
  await page.getByText('Tick this box to start. Your clock has not started.').waitFor();
  assert.deepEqual(await s.sql('SELECT count(*) FROM submissions'), [['0']]);
  await fillIn(page, 'amara@example.com');
  await start(page).filter({ hasText: 'Start, 75 minutes' }).tap();
  await page.waitForURL('**/take');
  await page.locator('input[value="true"]').check();
  await page.locator('button[value="finish"]').last().tap();
  await page.waitForURL('**/take/finish');
  await page.getByText('1 answered').waitFor();
  await page.getByText('questions 1, 2 and 2 more').waitFor();
  await page.getByRole('button', { name: 'Submit 1 answer' }).tap();
  await page.waitForURL('**/take/result');
  await page.getByRole('heading', { name: 'Your answers are in' }).waitFor();
  await page.getByRole('heading', { name: 'You have 1 of 5 points, and did not reach the pass mark' }).waitFor();
  await page.getByText('A nil map has no keys.').waitFor();
  await page.goto('/take/data');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as JSON' }).tap();
  assert.equal((await download).suggestedFilename(), 'credlane-my-data.json');
  await page.goto(`/a/${slug}`);
  await page.getByRole('heading', { name: 'You have already sent this in' }).waitFor();
});

test('Start waits for a network, and pressing it twice starts once', async (t) => {
  const s = await server(t, { env });
  const ask = await signUp(s);
  const { slug } = await publish(ask, 'Backend Engineer');
  const { open } = await browser(t, { url: s.url, allow: [/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/] });
  const page = await open();
  await page.goto(`/a/${slug}`);
  await fillIn(page, 'amara@example.com');
  await page.context().setOffline(true);
  await page.getByText('You are offline.').waitFor();
  await waits(page);
  await axe(page, 'landing, offline');
  await start(page).press('Enter');
  assert.equal(new URL(page.url()).pathname, `/a/${slug}`);
  await page.context().setOffline(false);
  await ready(page);

  await s.stop(); // the device's own network is good, the server is not there
  await start(page).click();
  await waits(page);
  await s.start();
  await ready(page);
  assert.equal(await page.locator('#email').inputValue(), 'amara@example.com');
  await start(page).dblclick();
  await page.waitForURL('**/take');
  assert.deepEqual(await s.sql('SELECT count(*) FROM submissions'), [['1']]);

  const second = await open({ js: false }); // without script both presses go out
  await second.goto(`/a/${slug}`);
  await fillIn(second, 'bo@example.com');
  await start(second).dblclick();
  await second.waitForURL('**/take');
  assert.deepEqual(await s.sql('SELECT count(*) FROM submissions'), [['2']]);
});

test('the keyboard alone starts, and errors are led to', async (t) => {
  const s = await server(t, { env });
  const ask = await signUp(s);
  const { slug } = await publish(ask, 'Backend Engineer');
  const { open } = await browser(t, { url: s.url, allow: refusals });
  const page = await open();
  await page.goto(`/a/${slug}`);
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Skip to content');
  await page.keyboard.press('Enter');
  const until = async (id) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const at = await focused(page);
      assert.ok(at.seen, `the focus on ${at.tag} ${at.id} ${at.name} is not seen`);
      if (at.id === id || at.name.includes(id)) return;
    }
    assert.fail(`the keyboard does not come to ${id}`);
  };
  await until('Start, 30 minutes');
  await page.keyboard.press('Enter');
  await page.locator('#problem').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'name');
  await page.keyboard.type('Amara');
  await until('email');
  await page.keyboard.type('amara@example.com');
  await until('consent');
  await page.keyboard.press('Space');
  await until('Start, 30 minutes');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/take');
  await page.context().close(); // the test's page asks on, and the server ends before the browser
});

test('every page stands in both themes, on every width, and from right to left', async (t) => {
  const s = await server(t, { env });
  const ask = await signUp(s);
  const { id, slug } = await publish(ask, 'Backend Engineer – Go & Postgres', { resultRelease: 'review', description: 'The questions are **like** the work.', closesAt: new Date(Date.now() + 9 * 86_400_000).toISOString() });
  const coded = await publish(ask, 'Warehouse Planner', { requireEmailCode: true });
  const later = await publish(ask, 'Not yet', { opensAt: new Date(Date.now() + 86_400_000).toISOString() });
  const looks = [
    { theme: 'light', width: 1440 }, { theme: 'dark', width: 390, mobile: true }, { theme: 'light', width: 320 },
    { theme: 'dark', width: 1440, locale: 'ar-XB' }, { theme: 'light', width: 390, locale: 'ar-XB', mobile: true },
  ];
  const { open } = await browser(t, { url: s.url, allow: refusals });
  const links = await invite(ask, id, ...looks.flatMap((_, i) => [{ email: `ivy${i}@example.org`, name: 'Ivy', extraTimePercent: 25 }, { email: `uma${i}@example.org` }]));
  for (const [i, look] of looks.entries()) {
    const page = await open(look);
    const moved = await shifts(page);
    const check = async (name) => {
      const said = `${name}, ${JSON.stringify(look)}`;
      await axe(page, said);
      await noSideways(page, said);
      assert.ok(await moved() <= 0.02, `${said}: the layout moves by ${await moved()}`);
      if (look.locale) assert.equal(await page.evaluate(() => getComputedStyle(document.body).direction), 'rtl');
    };
    const visit = async (path, name) => {
      await page.goto(path);
      await check(name);
    };
    await visit(`/a/${slug}`, 'landing');
    await start(page).click();
    await page.locator('#problem').waitFor();
    await check('landing, errors');
    await page.locator('details.fold summary').click();
    await check('landing, the way back');
    await visit(links[2 * i], 'invite');
    await page.locator('details.fold summary').click();
    await check('invite, declining');
    await visit(`/a/${coded.slug}`, 'landing with a code');
    await fillIn(page, `amara${i}@example.com`);
    await start(page).click();
    await page.locator('#code').waitFor();
    await check('code');
    await page.locator('#code').fill('1');
    await start(page).click();
    await page.locator('#code-error').waitFor();
    await check('code, wrong');
    await visit(`/a/${later.slug}`, 'not open');
    if (!look.locale) assert.match(await page.locator('.k li').last().innerText(), /start from \d\d:\d\d/, 'a test that is not open says from when');
    await visit('/a/aaaaaaaaaaaaaaaa', 'unknown');
    await visit('/take/result', 'no cookie');
    await page.goto(links[2 * i + 1]);
    await page.locator('details.fold summary').click();
    await page.locator('#reason').fill('No time.');
    await page.locator('details.fold button').click();
    await page.locator('.dead').waitFor();
    await check('declined');
    await page.goto(`/a/${slug}`);
    await fillIn(page, `bo${i}@example.com`);
    await start(page).click();
    await page.waitForURL('**/take');
    await visit(`/a/${slug}`, 'started here');
    await visit('/take/finish', 'finish');
    await visit('/take/data', 'data');
    await page.goto('/take/finish');
    await page.locator('form button[type="submit"]').click();
    await page.waitForURL('**/take/result');
    await check('result');
    const other = await open({ ...look, js: true });
    await other.goto(`/a/${slug}`);
    await fillIn(other, `bo${i}@example.com`);
    await start(other).click();
    await other.locator('.dead').waitFor();
    await axe(other, 'started elsewhere');
    await other.context().close();
    await page.context().close();
  }
});

test('a candidate loads little, and times are the reader\'s own', async (t) => {
  const s = await server(t, { env });
  const ask = await signUp(s);
  const { slug } = await publish(ask, 'Backend Engineer', { resultRelease: 'score', closesAt: '2030-01-05T17:00:00Z' });
  const { open } = await browser(t, { url: s.url, timezone: 'Asia/Tokyo' });
  const page = await open();
  const check = (sums, name) => {
    assert.ok(sums.document + sums.stylesheet + sums.script <= 60 << 10, `${name} weighs ${JSON.stringify(sums)}`);
    assert.ok(sums.script <= 30 << 10, `${name}: ${sums.script} bytes of script`);
    assert.ok(sums.font <= 50 << 10, `${name}: ${sums.font} bytes of fonts`);
  };
  check(await weigh(page, () => page.goto(`/a/${slug}`)), 'the landing');
  await page.getByText('6 January').waitFor();
  await page.getByText('start by 02:00 GMT+9').waitFor();
  await fillIn(page, 'amara@example.com');
  await start(page).click();
  await page.waitForURL('**/take');
  await page.goto('/take/finish');
  await page.locator('form button[type="submit"]').click();
  await page.waitForURL('**/take/result');
  check(await weigh(page, () => page.reload()), 'the receipt');
  // The choice of a theme is kept, and the server writes it into the page.
  await page.locator('[data-theme-toggle]').click();
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
});
