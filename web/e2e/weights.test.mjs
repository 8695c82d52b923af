// What the doors and a candidate's pages weigh over the network, each at its first load, and that nothing on them jumps or waits
// for a script to be read. The pages of a member are swept in pages.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, light, server, signUp } from './lib.mjs';

const options = ['443', '80', '22'].map((text, i) => ({ id: 'abc'[i], text: `Port \`${text}\`` }));
const questions = [
  { type: 'single_choice', prompt: 'Which port does **HTTPS** use?\n\n```sh\ncurl -v https://example.com\n```', options, answerKey: { optionId: 'a' }, explanation: 'See RFC 9110.' },
  { type: 'multiple_choice', prompt: 'Which of these need no encryption?', options, answerKey: { optionIds: ['b', 'c'] } },
  { type: 'short_text', prompt: 'Which command lists files?', answerKey: { accepted: ['ls'] } },
  { type: 'numeric', prompt: 'How many bits has a byte?', answerKey: { value: '8' } },
];

// stage publishes an assessment of as many questions as people ask at most in an hour, and one that is not open yet.
async function stage(t) {
  const s = await server(t, { env: { CREDLANE_REGISTRATION: 'open', CREDLANE_SMTP_URL: 'smtp://127.0.0.1:1', CREDLANE_MAIL_FROM: 'no-reply@example.com' } });
  const ask = await signUp(s);
  const publish = async (title, settings) => {
    const { id } = await ask('POST', '/assessments', { title });
    await ask('PATCH', `/assessments/${id}`, { timeLimitMinutes: 60, ...settings }, { headers: { 'If-Match': '*' } });
    for (let i = 0; i < 60; i++) await ask('POST', `/assessments/${id}/questions`, questions[i % questions.length]);
    return ask('POST', `/assessments/${id}/publish`, {});
  };
  const { id, slug } = await publish('Networking', { resultRelease: 'review' });
  const later = await publish('Later', { opensAt: new Date(Date.now() + 86_400_000).toISOString() });
  const { results } = await ask('POST', `/assessments/${id}/invites`, { invites: [{ email: 'ivy@example.org', name: 'Ivy' }] });
  return { s, slug, later: later.slug, link: new URL(results[0].invite.url).pathname };
}

test('a candidate\'s page is light, and so is the door', async (t) => {
  const { s, slug, later, link } = await stage(t);
  const { open } = await browser(t, { url: s.url, allow: [/Failed to load resource: the server responded with a status of (401|404)/] });
  const each = async (group, kind, where, cookies = [], size = {}) => group.test(`${where.split('/').slice(0, 3).join('/')} ${kind}`, async (one) => {
    const page = await open(size);
    await page.context().addCookies(cookies);
    const sums = await light(page, kind, where);
    one.diagnostic(JSON.stringify(sums));
    await page.context().close();
  });
  await t.test('the door', async (group) => {
    for (const where of ['/app/login', '/app/register', '/app/password/forgot', '/app/password/reset?token=none', '/app/invitations/none']) await each(group, 'employer', where);
  });
  await t.test('before the test', async (group) => {
    for (const where of [`/a/${slug}`, `/a/${later}`, link, '/a/aaaaaaaaaaaaaaaa', '/take/result']) await each(group, 'candidate', where);
  });
  const started = await fetch(`${s.url}/api/v1/public/assessments/${slug}/submissions`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name: 'Ada', email: 'ada@example.org', consent: true }),
  });
  assert.equal(started.status, 201, await started.clone().text());
  const { submissionToken: token } = await started.json();
  const cookies = [{ name: 'credlane_attempt', value: token, url: s.url, httpOnly: true, sameSite: 'Lax' }];
  await t.test('the test, of 60 questions', async (group) => {
    for (const where of ['/take', '/take/finish', '/take/data', `/a/${slug}`]) await each(group, 'candidate', where, cookies, { width: 390, height: 844, mobile: true });
  });
  const sent = await fetch(`${s.url}/api/v1/public/submission/submit`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  assert.equal(sent.status, 200, await sent.clone().text());
  await t.test('after the test', async (group) => {
    for (const where of ['/take/result', '/take/data', `/a/${slug}`]) await each(group, 'candidate', where, cookies, { width: 390, height: 844, mobile: true });
  });
});
