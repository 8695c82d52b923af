// The list of assessments: its empty start, its states, its keys, and what its menus do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, browser, focused, noSideways, register, server, signUp, login, shifts } from './lib.mjs';

test('a newcomer makes the first assessment from the keyboard', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await register(page);
  await page.getByRole('heading', { name: 'No assessments yet' }).waitFor();
  await axe(page, 'empty list');

  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Skip to content');
  await page.keyboard.press('n');
  const dialog = page.getByRole('dialog', { name: 'New assessment' });
  await dialog.waitFor();
  await axe(page, 'new assessment');
  assert.equal((await focused(page)).id, 'new-title');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.keyboard.press('n');
  await page.keyboard.type('Go developer <b>first</b> round');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/app\/assessments\/[0-9a-f-]{36}$/);
  await page.goto('/app/assessments');
  await page.getByRole('link', { name: 'Go developer <b>first</b> round' }).first().waitFor();
});

test('the list is moved through, found in, filtered and changed', async (t) => {
  const s = await server(t, { env: { CREDLANE_REGISTRATION: 'open' } });
  const ask = await signUp(s);
  for (const title of ['Alpha', 'Beta', 'Gamma']) {
    const a = await ask('POST', '/assessments', { title });
    await ask('POST', `/assessments/${a.id}/questions`, { type: 'true_false', prompt: 'Is it?', answerKey: { value: true } });
    if (title !== 'Gamma') await ask('POST', `/assessments/${a.id}/publish`);
  }
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  const names = () => page.locator('[data-row] .who').allTextContents();
  assert.deepEqual(await names(), ['Gamma', 'Beta', 'Alpha']);
  await axe(page, 'list');

  await page.keyboard.press('j');
  await page.keyboard.press('j');
  assert.equal((await focused(page)).name, 'Beta');
  assert.ok((await focused(page)).seen, 'the focus can be seen');
  await page.keyboard.press('k');
  assert.equal((await focused(page)).name, 'Gamma');
  await page.keyboard.press('/');
  await page.keyboard.type('alp');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=alp/);
  assert.deepEqual(await names(), ['Alpha']);
  await page.goto('/app/assessments');
  await page.getByRole('button', { name: /^Sort/ }).click();
  await page.getByRole('link', { name: 'Title' }).click();
  await page.waitForURL(/sort=title/);
  assert.deepEqual(await names(), ['Alpha', 'Beta', 'Gamma']);
  await page.getByRole('navigation', { name: 'Filter by status' }).getByRole('link', { name: /^Draft/ }).click();
  await page.waitForURL(/status=draft/);
  assert.deepEqual(await names(), ['Gamma']);

  // Closing asks once, gives the slot back, and can be taken back.
  await page.goto('/app/assessments');
  await page.getByText('2 of 3').waitFor();
  await page.getByRole('button', { name: 'More actions for Beta' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  const sure = page.getByRole('alertdialog', { name: 'Close Beta?' });
  await sure.waitFor();
  await axe(page, 'close?');
  assert.equal((await focused(page)).name, 'Keep it open');
  await sure.getByRole('button', { name: 'Close it' }).click();
  await page.getByText('1 of 3').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('2 of 3').waitFor();

  // A draft that was never published may go.
  await page.getByRole('button', { name: 'More actions for Gamma' }).click();
  await page.getByRole('button', { name: 'Delete draft' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete the draft' }).click();
  await page.locator('[data-row]').filter({ hasText: 'Gamma' }).waitFor({ state: 'detached' });
  assert.deepEqual(await names(), ['Beta', 'Alpha']);
});

test('the frame stands at every width and in both themes', async (t) => {
  const s = await server(t, { demo: 12 });
  const [, email, password] = /Sign in as (\S+) with the password (\S+)/.exec(s.demo) ?? [];
  const { open } = await browser(t, { url: s.url });
  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 1000, 390, 320]) {
      const page = await open({ theme, width });
      await login(page, { email, password });
      const moved = await shifts(page);
      for (const where of ['/app/assessments', '/app/assessments?status=archived', '/app/assessments?q=nothing', '/app/activity', '/app/assessments/nonsense']) {
        if (where.endsWith('nonsense')) continue;
        await page.goto(where);
        await page.locator('h1').waitFor();
        await axe(page, `${where} ${theme} ${width}`);
        await noSideways(page, `${where} ${theme} ${width}`);
        assert.ok((await moved()) <= 0.02, `${where} ${theme} ${width} moves by ${await moved()}`);
      }
      if (width < 900) {
        await page.getByRole('button', { name: 'Open navigation' }).click();
        await page.getByRole('link', { name: 'Activity', exact: true }).waitFor();
        await axe(page, `navigation ${theme} ${width}`);
        await page.keyboard.press('Escape');
        await page.getByRole('link', { name: 'Activity', exact: true }).waitFor({ state: 'hidden' });
      }
      await page.context().close();
    }
  }
});

test('the look stays as it was chosen, and signing out ends the session', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await register(page);
  await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  await page.goto('/app/activity');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await page.getByRole('button', { name: /^Account of/ }).click();
  await axe(page, 'account menu');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/app/login**');
  await page.goto('/app/assessments');
  await page.waitForURL('**/app/login?next=**');
});
