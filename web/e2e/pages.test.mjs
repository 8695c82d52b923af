// Every page that a member can open, swept for what holds everywhere: accessible in both themes, wide and narrow; no scrolling
// sideways down to 320 px; nothing jumps; nothing is heavier than its budget; the focus is never lost or hidden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, axe, browser, focused, light, login, noSideways, server } from './lib.mjs';

// pages gives the address of each page, by name, for the example employer.
async function pages(ask) {
  const { items } = await ask('GET', '/assessments');
  const of = (status) => items.find((a) => a.status === status)?.id;
  const { items: taken } = await ask('GET', `/assessments/${of('active')}/submissions`);
  const at = `/app/assessments/${of('active')}`;
  return {
    assessments: '/app/assessments', closed: '/app/assessments?status=closed', activity: '/app/activity',
    editor: at, 'editor of a closed one': `/app/assessments/${of('closed')}`, preview: `${at}/preview`, versions: `${at}/versions`, version: `${at}/versions/1`,
    import: `${at}/import`, invites: `${at}/invites`, results: `${at}/results`, submission: `/app/submissions/${taken[0].id}`,
    profile: '/app/settings/profile', organization: '/app/settings/organization', members: '/app/settings/members', keys: '/app/settings/keys',
    webhooks: '/app/settings/webhooks', sessions: '/app/settings/sessions', audit: '/app/settings/audit',
  };
}

async function world(t) {
  const s = await server(t, { demo: 24 });
  const who = { email: /Sign in as (\S+)/.exec(s.demo)[1], password: /with the password (\S+)/.exec(s.demo)[1] };
  const { open } = await browser(t, { url: s.url });
  const first = await open();
  await login(first, who);
  const cookies = await first.context().cookies();
  const signedIn = async (options) => {
    const page = await open(options);
    await page.context().addCookies(cookies.filter((c) => c.name !== 'theme'));
    return page;
  };
  return { signedIn, all: await pages(await api(s, who)) };
}

test('every page of a member', async (t) => {
  const { signedIn, all } = await world(t);
  await t.test('is accessible in both themes, wide and narrow, and never scrolls sideways', async (group) => {
    for (const [theme, width] of [['light', 1440], ['dark', 1440], ['dark', 390], ['light', 320]]) {
      const page = await signedIn({ theme, width });
      for (const [name, where] of Object.entries(all)) await group.test(`${name}, ${theme}, ${width}`, () => accessible(page, name, where));
      await page.context().close();
    }
  });
  await t.test('is within its weight, and nothing on it jumps', async (group) => {
    for (const [name, where] of Object.entries(all)) await group.test(name, async () => {
      const page = await signedIn();
      await light(page, 'employer', where);
      await page.context().close();
    });
  });
  await t.test('can be gone through by the keyboard alone, and what has the focus can be seen', async (group) => {
    for (const [name, where] of Object.entries(all)) await group.test(name, () => reachable(signedIn, where));
  });
});

async function accessible(page, name, where) {
  const answer = await page.goto(where);
  assert.equal(answer.status(), 200);
  assert.equal(await page.locator('h1').count(), 1, 'one h1');
  await axe(page, name);
  await noSideways(page, name);
}

async function reachable(signedIn, where) {
  const page = await signedIn();
  await page.goto(where);
  await page.keyboard.press('Tab');
  assert.match((await focused(page)).name, /^Skip to (content|question)$/, 'the first stop leads past the navigation');
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (at.tag === 'body') break;
    assert.ok(at.seen, `the focus on ${JSON.stringify(at)} can be seen`);
  }
  await page.context().close();
}
