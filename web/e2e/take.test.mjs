// The test under bad networks, dead servers, other devices and the end of the time.
import assert from 'node:assert/strict';
import { axe, browser, focused, noSideways, shifts, weigh } from './lib.mjs';
import { begin, exam, go, goTo, network, option, pageKept, publish, question, ready, saved, together } from './take-lib.mjs';

const it = together('the test');

it('a test is taken from the first question to the receipt, each change saved by itself', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  await option(page, 1, 'It panics').click();
  await page.locator('[data-next]').click();
  await option(page, 2, 'slice').click();
  await option(page, 2, 'map').click();
  await question(page, 2).locator('.flag').click();
  await page.locator('[data-next]').click();
  await option(page, 3, 'True').click();
  await page.locator('[data-next]').click();
  await question(page, 4).locator('input.input').fill('ls -la');
  await page.locator('[data-next]').click();
  await question(page, 5).locator('input.input').fill('32 bits');
  await question(page, 5).locator('input.input').blur();
  await page.getByText('This is not a number yet').waitFor();
  await page.locator('[data-save].wait').filter({ hasText: '1 answer not saved' }).waitFor();
  await axe(page, 'a number that is none');
  await question(page, 5).locator('input.input').fill('32');
  await saved(page);
  assert.deepEqual((await kept()).map((a) => a.answer), ['It panics', ['map', 'slice'], true, 'ls -la', '32']);
  assert.deepEqual((await kept()).map((a) => a.flagged), [false, true, false, false, false]);
  await goTo(page, 1);
  await question(page, 1).locator('[data-clear]').click();
  await saved(page);
  await page.reload();
  await ready(page);
  assert.equal(await option(page, 1, 'It panics').locator('input').isChecked(), false);
  assert.equal((await kept())[0].answer, null);
  await page.locator('[data-review]').click();
  const review = page.locator('#review');
  await review.getByText('4 answered').waitFor();
  assert.match(await review.innerText(), /1 flagged: 2/);
  assert.match(await review.innerText(), /1 not answered: 1/);
  await axe(page, 'review');
  await review.locator('[data-submit]').click();
  await page.waitForURL('**/take/result');
  const left = await page.evaluate(async () => [
    (await caches.keys()).filter((n) => n.startsWith('credlane-take')).length, (await navigator.serviceWorker.getRegistrations()).length,
    Object.keys(localStorage).filter((k) => k.includes('place')).length,
    await new Promise((resolve) => {
      const request = indexedDB.open('credlane-take');
      request.onsuccess = () => {
        const all = request.result.transaction('answers').objectStore('answers').count();
        all.onsuccess = () => resolve(all.result);
      };
    }),
  ]);
  assert.deepEqual(left, [0, 0, 0, 0], 'nothing of the attempt stays on the device');
});

it('without a network answers are kept, survive a reload, and go up in order', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  await pageKept(page);
  await page.context().setOffline(true);
  await option(page, 1, 'It prints 1').click();
  await page.getByText('1 answer is kept on this device').first().waitFor();
  await axe(page, 'offline');
  await page.locator('[data-next]').click();
  await option(page, 2, 'chan').click();
  await page.getByText('2 answers are kept on this device').first().waitFor();
  assert.deepEqual((await kept()).map((a) => a.answer), [null, null, null, null, null]);
  await page.reload();
  await ready(page);
  await page.getByText('2 answers are kept on this device').first().waitFor();
  assert.equal(await option(page, 2, 'chan').locator('input').isChecked(), true, 'the place and the answer are as they were');
  await goTo(page, 4);
  await question(page, 4).locator('input.input').fill('typed in the dark');
  await page.getByText('3 answers are kept on this device').first().waitFor();
  const order = [];
  page.on('requestfinished', (r) => { if (r.method() === 'PUT') order.push(new URL(r.url()).pathname); });
  await page.context().setOffline(false);
  await page.getByText('Back online.').first().waitFor();
  await saved(page);
  assert.deepEqual((await kept()).map((a) => a.answer), ['It prints 1', ['chan'], null, 'typed in the dark', null]);
  // What the page sent as it went away may have arrived, so one may have been sent twice; the oldest is always first.
  const asked = await page.locator('article[data-q]').evaluateAll((all) => all.map((q) => `/api/v1/public/submission/answers/${q.dataset.q}`));
  assert.deepEqual([...new Set(order)], [asked[0], asked[1], asked[3]]);
  assert.ok(order.length <= 6, `${order.length} requests for 3 answers`);
});

it('a server that is killed in mid-test and comes back costs nothing', async (t, s) => {
  const { open } = await browser(t, { url: s.url, allow: [...network, /50\d/] });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e, { allow: [...network, /50\d/] });
  await option(page, 1, 'It panics').click();
  await saved(page);
  await pageKept(page);
  await s.kill();
  await goTo(page, 3);
  await option(page, 3, 'False').click();
  await page.getByText('No connection to the server. Keep going.').first().waitFor();
  await goTo(page, 4);
  await question(page, 4).locator('input.input').fill('while it was dead');
  await page.reload(); // and the page is asked for while nobody serves it
  await ready(page);
  assert.equal(await question(page, 4).locator('input.input').inputValue(), 'while it was dead');
  await s.start();
  await page.getByText('Back online.').first().waitFor();
  await saved(page);
  assert.deepEqual((await kept()).map((a) => a.answer), ['It panics', null, false, 'while it was dead', null]);
});

it('requests that break off, before and after they arrive, neither lose nor double an answer', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  let n = 0;
  await page.route('**/api/v1/public/submission/answers/*', async (route) => {
    n++;
    if (n % 3 === 1) return route.abort('connectionreset');
    if (n % 3 === 2) { // it arrives; its receipt does not
      await route.fetch();
      return route.abort('connectionreset');
    }
    return route.continue();
  });
  await question(page, 1).waitFor();
  for (const text of ['It prints 1', 'It does not compile', 'It panics']) await option(page, 1, text).click();
  await goTo(page, 4);
  await question(page, 4).locator('input.input').pressSequentially('word by word', { delay: 30 });
  await saved(page);
  await page.waitForFunction(() => !document.querySelector('[data-strip="offline"]:not([hidden])'));
  const have = await kept();
  assert.deepEqual([have[0].answer, have[3].answer], ['It panics', 'word by word']);
});

it('two devices: the older says so, and what was answered in both is never dropped in silence', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const { id } = await exam(s);
  const made = await s.ask('POST', `/assessments/${id}/invites`, { invites: [{ email: 'ada@example.org', name: 'Ada' }] });
  const link = new URL(made.results[0].invite.url).pathname;
  const enter = async (page, first) => {
    await page.goto(link);
    if (first) await page.locator('[name="consent"]').check();
    await page.locator('main form button[type="submit"]').first().click();
    await page.waitForURL('**/take');
    await ready(page);
  };
  const laptop = await open({ allow: [...network, /409/] });
  await enter(laptop, true);
  await option(laptop, 1, 'It panics').click();
  await saved(laptop);
  await laptop.context().setOffline(true);
  await option(laptop, 1, 'It prints 1').click();
  await goTo(laptop, 4);
  await question(laptop, 4).locator('input.input').fill('from the laptop');
  await laptop.getByText('2 answers are kept on this device').first().waitFor();

  const phone = await open({ width: 390, height: 844, mobile: true });
  await enter(phone, false);
  assert.equal(await option(phone, 1, 'It panics').locator('input').isChecked(), true, 'it resumes where the laptop was');
  await option(phone, 1, 'It does not compile').click();
  await saved(phone);
  await option(phone, 1, 'It does not compile').waitFor();

  await laptop.context().setOffline(false);
  await laptop.getByRole('alertdialog', { name: 'Open somewhere else' }).waitFor();
  await axe(laptop, 'open elsewhere');
  assert.match(await laptop.locator('#elsewhere').innerText(), /2 answers on this device have not been sent/);
  await enter(laptop, false);
  await laptop.getByRole('dialog', { name: 'Answered in two places' }).waitFor();
  await axe(laptop, 'answered in two places');
  assert.equal(await option(laptop, 1, 'It does not compile').locator('input').isChecked(), true, 'the later one counts');
  await laptop.locator('#conflict').getByText('It prints 1').waitFor();
  assert.equal(await question(laptop, 4).locator('input.input').inputValue(), 'from the laptop');
  await laptop.getByRole('button', { name: 'Use the one from here' }).click();
  await laptop.getByRole('button', { name: 'Keep the later ones' }).click();
  await saved(laptop);
  await laptop.reload();
  await ready(laptop);
  assert.equal(await option(laptop, 1, 'It prints 1').locator('input').isChecked(), true);
});

it('two tabs of one browser show the same answers', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  const other = await page.context().newPage();
  await go(other);
  await option(page, 1, 'It prints 1').click();
  await other.waitForFunction(() => document.querySelector('#q1 .opt:nth-of-type(2) input')?.checked);
  await option(other, 1, 'It panics').click();
  await page.waitForFunction(() => document.querySelector('#q1 .opt input')?.checked);
  await saved(page);
  await saved(other);
  assert.equal((await kept())[0].answer, 'It panics');
});

it('the last minutes, more time, and the end of the time', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept, submission } = await begin(open, s, e);
  const deadline = (span) => s.sql(`UPDATE submissions SET deadline_at = now() + interval '${span}' WHERE id = '${submission.id}'`);
  assert.match(await page.locator('[data-clock]').innerText(), /^30 min left$/);
  await deadline('4 minutes 50 seconds');
  await page.getByText('Less than 5 minutes left.').waitFor();
  assert.match(await page.locator('[data-clock].soon').innerText(), /^4:\d\d left$/);
  await axe(page, 'last minutes');
  await page.locator('[data-clock]').click();
  await page.locator('[data-clock]').filter({ hasText: 'Show time' }).waitFor();
  await page.locator('[data-clock]').click();
  await deadline('20 minutes');
  await page.getByText('You have more time.').first().waitFor();
  assert.equal(await page.getByText('Less than 5 minutes left.').isVisible(), false);
  await option(page, 1, 'It panics').click();
  await saved(page);
  await deadline('12 seconds');
  await goTo(page, 4);
  await page.locator('[data-clock].soon').waitFor();
  await question(page, 4).locator('input.input').pressSequentially('to the very end');
  await page.getByRole('alertdialog', { name: 'Time is up, and your answers are in' }).waitFor();
  await axe(page, 'time is up');
  assert.deepEqual([(await kept())[0].answer, (await kept())[3].answer], ['It panics', 'to the very end']);
  await page.getByRole('link', { name: 'See your receipt' }).click();
  await page.waitForURL('**/take/result');
});

it('time that ends with a dead network says what arrived, and the rest can be copied', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, submission } = await begin(open, s, e, { allow: [...network, /409/] });
  await option(page, 1, 'It panics').click();
  await saved(page);
  await s.sql(`UPDATE submissions SET deadline_at = now() + interval '15 seconds' WHERE id = '${submission.id}'`);
  await page.locator('[data-clock].soon').waitFor();
  await page.context().setOffline(true);
  await goTo(page, 4);
  await question(page, 4).locator('input.input').fill('never arrived');
  const up = page.locator('#up');
  await page.getByRole('alertdialog', { name: 'Time is up, and there is no connection' }).waitFor();
  assert.match(await up.innerText(), /1 of your answers had arrived/);
  assert.match(await up.innerText(), /Question 4[\s\S]*never arrived/);
  await axe(page, 'time is up without a network');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await up.getByRole('button', { name: 'Copy, Question 4' }).click();
  await up.getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'never arrived');
  for (;;) { // until the grace is over and the sweep has ended it
    const [[status]] = await s.sql(`SELECT status FROM submissions WHERE id = '${submission.id}'`);
    if (status === 'expired') break;
  }
  await page.context().setOffline(false);
  await page.getByRole('alertdialog', { name: 'Time is up. Not everything arrived' }).waitFor();
  assert.match(await up.innerText(), /never arrived/);
  await page.goto('/take'); // whoever reloads finds it again beside the receipt
  await page.waitForURL('**/take/result');
  const left = page.getByRole('region', { name: 'Not everything had arrived' });
  assert.match(await left.innerText(), /Question 4[\s\S]*never arrived/);
  await axe(page, 'what is left over');
  await left.getByRole('button', { name: 'Delete them from this device' }).click();
  await left.waitFor({ state: 'detached' });
  await page.reload();
  await page.locator('[data-leftover]').waitFor({ state: 'attached' });
  assert.equal(await page.locator('[data-leftover]').isVisible(), false);
});

it('a jump of the device\'s clock changes nothing', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page } = await begin(open, s, e);
  await page.addInitScript(() => {
    const real = Date.now.bind(Date);
    Date.now = () => real() + 3 * 3600_000;
  });
  await page.reload();
  await ready(page);
  assert.match(await page.locator('[data-clock]').innerText(), /^(30|29) min left$/);
});

it('the keyboard alone takes the test, and its keys can be switched off', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page, kept } = await begin(open, s, e);
  await page.keyboard.press('1');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('2');
  await page.keyboard.press('4');
  await page.keyboard.press('f');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('2');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'q4');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('1f?');
  await saved(page);
  assert.deepEqual((await kept()).map((a) => a.answer), ['It panics', ['chan', 'slice'], false, '1f?', null]);
  assert.deepEqual((await kept()).map((a) => a.flagged), [false, true, false, false, false]);
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    assert.ok(at.tag === 'body' || at.tag === 'html' || at.seen, `the focus on ${JSON.stringify(at)} cannot be seen`);
  }
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await axe(page, 'keys');
  await page.getByLabel('Use these keys').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await question(page, 4).isVisible(), true, 'the keys are off');
});

it('the test stands in both themes, wide and narrow, one at a time and all on a page', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s, { repeat: 5 });
  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 390, 320]) {
      const page = await open({ theme, width, height: width < 900 ? 800 : 900 });
      const moved = await shifts(page);
      const { page: same } = await begin(async () => page, s, e);
      await axe(same, `take ${theme} ${width}`);
      await noSideways(same, `take ${width}`);
      await goTo(same, 9);
      await same.reload();
      await ready(same);
      assert.ok(await moved() <= 0.02, `the layout moves by ${await moved()} at ${width}`);
      if (width < 900) {
        await same.locator('.r-foot [popovertarget="nav"]:visible').click();
        await same.locator('#nav:popover-open').waitFor();
        await axe(same, `sheet ${theme} ${width}`);
      }
      await same.getByLabel('Show all on one page').check();
      assert.equal(await same.locator('article[data-q]:not([hidden])').count(), 25);
      await axe(same, `all on a page ${theme} ${width}`);
      await same.context().close();
    }
  }
});

it('letters of twice the size on a phone overlap nothing', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const { page } = await begin(open, s, e, { width: 390, height: 844, mobile: true });
  await page.evaluate(() => {
    const all = [...document.querySelectorAll('body *')].filter((el) => !el.closest('svg'));
    const sizes = all.map((el) => parseFloat(getComputedStyle(el).fontSize));
    for (const [i, el] of all.entries()) Object.assign(el.style, { fontSize: `${2 * sizes[i]}px`, lineHeight: '1.3' });
  });
  await page.context().setOffline(true);
  await option(page, 1, 'It panics').click();
  await page.locator('[data-strip="offline"]').waitFor();
  await noSideways(page, 'large letters');
  const overlap = await page.evaluate(() => {
    const boxes = ['[data-where]', '[data-save]', '[data-clock]', '[data-strip="offline"]'].map((s) => document.querySelector(s).getBoundingClientRect());
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.some((a, i) => boxes.slice(i + 1).some((b) => over(a, b)));
  });
  assert.equal(overlap, false);
});

it('without a script the test is read, answered, saved and finished', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s);
  const page = await open({ js: false, width: 390, allow: [/422/] });
  await page.goto(`/a/${e.slug}`);
  await page.locator('[name="name"]').fill('Ada');
  await page.locator('[name="email"]').fill('plain@example.org');
  await page.locator('[name="consent"]').check();
  await page.locator('main form button[type="submit"]').first().click();
  await page.waitForURL('**/take');
  await option(page, 1, 'It panics').click();
  await question(page, 4).locator('input.input').fill('ls');
  await question(page, 5).locator('input.input').fill('no number');
  await page.getByRole('button', { name: 'Save', exact: true }).last().click();
  await page.getByText('1 answer could not be saved.').waitFor();
  assert.equal(await question(page, 5).locator('input.input').inputValue(), 'no number');
  await question(page, 5).locator('input.input').fill('32');
  await page.getByRole('button', { name: 'Save', exact: true }).last().click();
  await page.getByText('1 change saved.').waitFor();
  assert.equal(await option(page, 1, 'It panics').locator('input').isChecked(), true);
  await page.getByRole('button', { name: 'Save and review' }).click();
  await page.waitForURL('**/take/finish');
});

it('the test weighs what a phone can carry', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const e = await exam(s, { repeat: 5 });
  const { page } = await begin(open, s, e);
  const sums = await weigh(page, () => page.reload());
  assert.ok(sums.script <= 30 << 10, `scripts of ${sums.script} bytes`);
  assert.ok(sums.document + sums.stylesheet + sums.script <= 60 << 10, JSON.stringify(sums));
});

it('a thousand questions stay usable', async (t, s) => {
  const { open } = await browser(t, { url: s.url });
  const long = await s.ask('POST', '/assessments', { title: 'Long' });
  const rows = Array.from({ length: 1000 }, (_, i) => `Question number ${i + 1},yes,no,a`);
  const form = new FormData();
  form.append('file', new Blob([`prompt,a,b,answer\n${rows.join('\n')}\n`], { type: 'text/csv' }), 'long.csv');
  const { accessToken } = await (await fetch(`${s.url}/api/v1/auth/login`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: 'ines.okafor@tessera-freight.example', password: 'a long and quiet road' }),
  })).json();
  const imported = await fetch(`${s.url}/api/v1/assessments/${long.id}/questions/import`, { method: 'POST', headers: { Authorization: `Bearer ${accessToken}` }, body: form });
  assert.equal(imported.status, 201, await imported.text());
  await publish(s, long.id);
  const { page, kept } = await begin(open, s, long);
  await goTo(page, 1000);
  await option(page, 1000, 'no').click();
  const took = await page.evaluate(() => new Promise((resolve) => {
    const from = performance.now();
    document.querySelector('[data-previous]').click();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - from)));
  }));
  assert.ok(took < 400, `the step to the next question takes ${took} ms`);
  await saved(page);
  assert.equal((await kept())[999].answer, 'no');
});

// unmarked is all that people read on the page and that is neither the employer's nor out of the catalogue, which the pseudo-locale marks.
const unmarked = (page) => page.evaluate(() => {
  const own = '.prompt, .opt .grow, .unsent-text, h1, .ttl > .only-lg, kbd, script, [aria-hidden="true"], .clip';
  const found = [];
  const take = (text, where) => {
    let rest = text;
    for (let before = ''; rest !== before;) {
      before = rest;
      rest = rest.replace(/⟦[^⟦⟧]*⟧/gu, ' ');
    }
    if (/\p{Letter}/u.test(rest)) found.push(`${where}: ${rest.trim().slice(0, 80)}`);
  };
  const copy = document.body.cloneNode(true);
  for (const foreign of copy.querySelectorAll(own)) foreign.remove();
  take(copy.textContent, 'text');
  for (const el of document.querySelectorAll('body [aria-label], body [title], body [placeholder]')) {
    for (const name of ['aria-label', 'title', 'placeholder']) if (el.hasAttribute(name)) take(el.getAttribute(name), name);
  }
  return found;
});

it('the test runs from right to left, and says nothing that is not in the catalogue', async (t, s) => {
  const { open } = await browser(t, { url: s.url, locale: 'ar-XB' });
  const e = await exam(s);
  for (const width of [1440, 390]) {
    const { page, submission } = await begin(open, s, e, { width, height: 844, theme: width < 900 ? 'dark' : 'light' });
    const stands = async (name) => {
      assert.deepEqual(await unmarked(page), [], `${name} at ${width}`);
      await axe(page, `${name} from right to left at ${width}`);
      await noSideways(page, `${name} at ${width}`);
    };
    const kind = (text) => page.locator(`[data-save]`).filter({ hasText: text });
    await page.keyboard.press('ArrowLeft'); // forward, here
    await question(page, 2).waitFor();
    await option(page, 2, 'map').click();
    await kind('Saved').waitFor();
    await question(page, 2).locator('.flag').click();
    assert.match(await page.locator('[data-next] .i').evaluate((i) => getComputedStyle(i).transform), /^matrix\(-1,/, 'the arrow points onward');
    await stands('the test');
    await goTo(page, 5);
    await question(page, 5).locator('input.input').fill('none');
    await question(page, 5).locator('input.input').blur();
    await page.locator('#q5-wrong').filter({ hasText: 'not a number' }).waitFor();
    await stands('a number that is none');
    await question(page, 5).locator('input.input').fill('32');
    await page.context().setOffline(true);
    await option(page, 2, 'chan').evaluate((o) => o.click());
    await page.locator('[data-strip="offline"]').waitFor();
    await stands('offline');
    await page.locator('[data-review]').evaluate((button) => button.click());
    await page.locator('[data-submit]').click();
    await page.locator('[data-review-wait]').waitFor();
    await stands('review, offline');
    await page.locator('[data-keep]').click();
    await page.context().setOffline(false);
    await page.locator('[data-strip="back"]').waitFor();
    await kind('Saved').waitFor();
    await page.keyboard.press('Escape');
    await s.sql(`UPDATE submissions SET deadline_at = now() + interval '12 seconds' WHERE id = '${submission.id}'`);
    await page.locator('[data-strip="low"]').waitFor();
    await stands('the last minutes');
    await page.locator('#up[open] [data-receipt]').waitFor();
    await stands('time up');
    await page.context().close();
  }
});
