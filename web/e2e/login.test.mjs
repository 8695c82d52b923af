// The door: what a first visitor and a returning member see, in both themes, on a laptop and on a phone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, browser, focused, noSideways, owner, register, server, shifts } from './lib.mjs';

test('the first visitor registers, signs out, and comes in again', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await page.goto('/');
  await page.waitForURL('**/app/register');
  await axe(page, 'register');
  await register(page);
  await page.locator('h1').filter({ hasText: 'Assessments' }).waitFor();

  await page.goto('/app/login');
  const visitor = await open({ allow: [/401/] });
  await visitor.goto('/app/assessments');
  await visitor.waitForURL('**/app/login**');
  await visitor.locator('[name="email"]').fill(owner.email);
  await visitor.locator('[name="password"]').fill('not the password');
  await visitor.keyboard.press('Enter');
  await visitor.getByRole('alert').waitFor();
  await axe(visitor, 'login, wrong password');
  await visitor.locator('[name="password"]').fill(owner.password);
  await visitor.keyboard.press('Enter');
  await visitor.waitForURL('**/app/assessments');
});

test('the door stands in both themes, wide and narrow, with and without a script', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 390, 320]) {
      for (const js of [true, false]) {
        const page = await open({ theme, width, js });
        const moved = js ? await shifts(page) : null;
        await page.goto('/app/login');
        if (js) {
          await axe(page, `login ${theme} ${width}`);
          await noSideways(page, `login ${width}`);
          assert.ok(await moved() <= 0.02, 'the layout stays');
        } else {
          await page.locator('[name="email"]').fill('somebody@example.com');
        }
        await page.context().close();
      }
    }
  }
});

test('the keyboard alone comes through the door, and its focus is always seen', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await page.goto('/app/register');
  const seen = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (at.tag === 'body') break;
    assert.ok(at.seen, `the focus on ${JSON.stringify(at)} can be seen`);
    seen.push(at.tag);
  }
  assert.ok(seen.includes('input') && seen.includes('button'), seen.join(' '));
});

test('the theme that somebody chose is there on the next page', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await page.goto('/app/login');
  await page.locator('[data-theme-toggle]').click();
  await page.goto('/app/register');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
});
