// The live feed: it tells as it happens, holds still under the pointer, and comes back after the server was away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, browser, login, server, signUp } from './lib.mjs';

async function stage(t) {
  const s = await server(t);
  const ask = await signUp(s);
  const a = await ask('POST', '/assessments', { title: 'Networking' });
  await ask('POST', `/assessments/${a.id}/questions`, { type: 'true_false', prompt: 'Is it?', answerKey: { value: true } });
  await ask('POST', `/assessments/${a.id}/publish`);
  const start = async (name) => {
    const answer = await fetch(`${s.url}/api/v1/public/assessments/${a.slug}/submissions`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, email: `${name.toLowerCase()}@example.com`, consent: true }),
    });
    assert.equal(answer.status, 201, await answer.clone().text());
  };
  return { s, ask, a, start };
}

const first = (page) => page.locator('#feed > li').first();
const streamed = (page) => page.waitForResponse((r) => r.url().includes('/app/activity/stream'));

test('what a candidate does shows by itself and is said once', async (t) => {
  const { s, start } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  const listens = streamed(page);
  await page.goto('/app/activity');
  await listens;
  await start('Cara');
  await first(page).filter({ hasText: 'Cara started' }).waitFor();
  await start('Dan');
  await start('Eve');
  await first(page).filter({ hasText: 'Eve started' }).waitFor();
  await page.locator('[data-feed-said]').filter({ hasText: /Eve started\. Networking And 2 more\./ }).waitFor({ state: 'attached' });
  await axe(page, 'feed');
  assert.equal(await page.locator('#feed > li', { hasText: 'Cara started' }).count(), 1);
});

test('a paused feed stands still, and so does one under the pointer', async (t) => {
  const { s, start } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  const listens = streamed(page);
  await page.goto('/app/activity');
  await listens;
  const before = await page.locator('#feed > li').count();
  await page.getByRole('button', { name: 'Pause' }).click();
  await start('Cara');
  await page.getByRole('button', { name: 'Show 1 new' }).waitFor();
  assert.equal(await page.locator('#feed > li').count(), before);
  await page.getByRole('button', { name: 'Show 1 new' }).click();
  await first(page).filter({ hasText: 'Cara started' }).waitFor();

  await first(page).hover();
  const told = page.waitForFunction(() => document.querySelector('[data-feed-said]')?.textContent?.includes('Dan started'));
  await start('Dan');
  await told; // it has arrived
  assert.match(await first(page).textContent(), /Cara started/);
  await page.getByRole('heading', { level: 1 }).hover();
  await first(page).filter({ hasText: 'Dan started' }).waitFor();
});

test('the feed goes on where it was cut when the server comes back', async (t) => {
  const { s, ask, a, start } = await stage(t);
  const { open } = await browser(t, { url: s.url, allow: [/ERR_/, /Failed to load resource/] });
  const page = await open();
  await login(page);
  const listens = streamed(page);
  await page.goto('/app/activity');
  await listens;
  await start('Cara');
  await first(page).filter({ hasText: 'Cara started' }).waitFor();
  await s.stop();
  await page.getByText('The live feed is interrupted.').waitFor();
  await s.start();
  await ask('POST', `/assessments/${a.id}/close`);
  await first(page).filter({ hasText: 'closed the assessment' }).waitFor();
  await page.getByText('The live feed is interrupted.').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#feed > li', { hasText: 'Cara started' }).count(), 1);
});
