// The test where something breaks that is not the network alone: the device's keeping, the browser's cookies, a second attempt.
import assert from 'node:assert/strict';
import { axe, browser, focused } from './lib.mjs';
import { begin, exam, go, goTo, network, option, pageKept, question, ready, saved, together } from './take-lib.mjs';

const it = together('the test and what breaks around it');

it('what is typed before the device\'s store is open is kept', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const page = await open({ allow: network });
  const other = await page.context().newPage(); // it makes the store, and takes its time
  await other.goto(`/a/${e.slug}`);
  await other.evaluate(() => new Promise((begun) => {
    const request = indexedDB.open('credlane-take', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('attempts', { keyPath: 'attempt' });
      const store = request.result.createObjectStore('answers', { keyPath: ['attempt', 'question'] });
      const turn = () => { if (!globalThis.__enough) store.count().onsuccess = turn; };
      turn();
      begun();
    };
    request.onsuccess = () => request.result.close();
  }));
  const begun = begin(async () => page, s, e);
  await option(page, 1, 'It panics').click();
  await goTo(page, 4);
  await question(page, 4).locator('input.input').fill('typed early');
  await other.evaluate(() => { globalThis.__enough = true; });
  const { kept } = await begun;
  await saved(page);
  assert.equal(await question(page, 4).locator('input.input').inputValue(), 'typed early');
  assert.deepEqual((await kept()).map((a) => a.answer), ['It panics', null, null, 'typed early', null]);
});

it('a page that could not be kept at once is kept as soon as it can', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const page = await open({ allow: network });
  await page.addInitScript(() => {
    const real = ServiceWorkerContainer.prototype.register;
    let tries = 0;
    ServiceWorkerContainer.prototype.register = function (...args) {
      return tries++ === 0 ? Promise.reject(new TypeError('The network is away.')) : real.apply(this, args);
    };
  });
  await begin(async () => page, s, e);
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await pageKept(page);
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  await page.locator('[data-strip="offline"]').waitFor();
});

it('a device that is full says so, and nothing that it did not keep is claimed to be', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  await option(page, 1, 'It prints 1').click();
  await saved(page);
  await page.evaluate(() => {
    globalThis.__put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => { throw new DOMException('The disk is full.', 'QuotaExceededError'); };
  });
  await page.context().setOffline(true);
  await option(page, 1, 'It panics').click();
  await page.getByText('Answers cannot be kept on this device.').waitFor();
  await page.getByText('1 answer is kept in this tab, so do not close it.').first().waitFor();
  await axe(page, 'a full device');
  await page.evaluate(() => { IDBObjectStore.prototype.put = globalThis.__put; });
  await page.context().setOffline(false);
  await saved(page);
  assert.equal((await kept())[0].answer, 'It panics');
  await page.locator('[data-strip="memory"]').waitFor({ state: 'hidden' });
  await page.reload();
  await ready(page);
  assert.equal(await option(page, 1, 'It panics').locator('input').isChecked(), true, 'the device has the newer one too');
});

it('another attempt that is begun in the same browser gets nothing of the first', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page: first, kept: ofFirst } = await begin(open, s, e);
  await option(first, 1, 'It prints 1').click();
  await saved(first);
  const second = await first.context().newPage();
  const { kept: ofSecond } = await begin(async () => second, s, e);
  await first.bringToFront();
  await option(first, 2, 'chan').evaluate((o) => o.click());
  const stopped = first.getByRole('alertdialog', { name: 'This test is no longer open in this browser' });
  await stopped.waitFor();
  assert.match(await stopped.innerText(), /Question 2[\s\S]*chan/);
  await axe(first, 'another attempt in the same browser');
  await option(second, 1, 'It panics').click();
  await saved(second);
  assert.deepEqual((await ofSecond()).map((a) => a.answer), ['It panics', null, null, null, null]);
  assert.deepEqual((await ofFirst()).map((a) => a.answer), ['It prints 1', null, null, null, null]);
});

it('more time that is given twice is said with the right numbers', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, submission } = await begin(open, s, e);
  for (const [extraTimePercent, said] of [[20, '36 min (30 + 6).'], [50, '45 min (30 + 15).']]) {
    await s.ask('PATCH', `/submissions/${submission.id}`, { extraTimePercent, reason: 'Reads with a magnifier' }, { headers: { 'If-Match': '*' } });
    await page.locator('[data-extra-text]').filter({ hasText: said }).waitFor();
  }
});

it('handing in without a connection waits, keeps the focus, and can be called off', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, submission } = await begin(open, s, e);
  const status = async () => (await s.sql(`SELECT status FROM submissions WHERE id = '${submission.id}'`))[0][0];
  const review = page.locator('#review');
  await page.context().setOffline(true);
  await option(page, 1, 'It panics').click();
  await page.locator('[data-review]').click();
  await review.locator('[data-submit]').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter'); // once more changes nothing
  await review.getByText('nothing is handed in then').waitFor();
  assert.match((await focused(page)).name, /^Submit 1 answer/);
  await axe(page, 'handing in without a connection');
  await review.getByRole('button', { name: 'Keep working' }).click();
  await page.context().setOffline(false);
  await page.getByText('Back online.').first().waitFor();
  await saved(page);
  assert.equal(await status(), 'in_progress');
  await page.locator('[data-review]').click();
  await page.context().setOffline(true);
  await review.locator('[data-submit]').click();
  await review.getByText('nothing is handed in then').waitFor();
  await page.context().setOffline(false);
  await page.waitForURL('**/take/result');
  assert.equal(await status(), 'submitted');
  await page.goBack();
  await page.waitForURL('**/take/result');
});

it('time that ends after a reload without a network is said too', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, submission } = await begin(open, s, e);
  await pageKept(page);
  await s.sql(`UPDATE submissions SET deadline_at = now() + interval '25 seconds' WHERE id = '${submission.id}'`);
  await page.locator('[data-clock].soon').waitFor();
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  await goTo(page, 4);
  await question(page, 4).locator('input.input').fill('typed after the reload');
  const up = page.getByRole('alertdialog', { name: 'Time is up, and there is no connection' });
  await up.waitFor();
  assert.match(await up.innerText(), /Question 4[\s\S]*typed after the reload/);
});

it('a browser that blocks cookies is told so before the clock runs', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const page = await open();
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'cookieEnabled', { get: () => false }));
  await page.goto(`/a/${e.slug}`);
  await page.getByText('This browser blocks cookies here.').waitFor();
  await axe(page, 'cookies blocked');
  await page.locator('[name="name"]').fill('Ada');
  await page.locator('[name="email"]').fill('blocked@example.org');
  await page.locator('[name="consent"]').check();
  await page.locator('[name="email"]').press('Enter');
  await page.locator('main form[data-start] button[type="submit"]').evaluate((button) => button.click());
  await page.getByText('This browser blocks cookies here.').waitFor();
  assert.equal(new URL(page.url()).pathname, `/a/${e.slug}`);
  assert.deepEqual(await s.sql("SELECT count(*) FROM users WHERE email = 'blocked@example.org'"), [['0']]);
});
