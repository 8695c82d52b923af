// What the browser tests of the test itself share: an assessment to take, a candidate who has begun, and how the page stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { server, signUp } from './lib.mjs';

export const settings = { CREDLANE_RATE_START_ADDRESS: '1000/1h' };
export const network = [/ERR_INTERNET_DISCONNECTED/, /ERR_CONNECTION_REFUSED/, /ERR_FAILED/, /ERR_CONNECTION_RESET/, /ERR_EMPTY_RESPONSE/, /ERR_NETWORK_CHANGED/];

const code = 'What happens?\n\n```go\nfunc main() {\n    var m map[string]int\n    m["lane"] = 1\n}\n```';
export const bank = [
  { type: 'single_choice', prompt: code, points: 2, options: ['It panics', 'It prints 1', 'It does not compile'].map((text, i) => ({ id: `o${i}`, text })), answerKey: { optionId: 'o0' } },
  { type: 'multiple_choice', prompt: 'Which are *reference* types?', options: ['map', 'chan', 'array', 'slice'].map((text, i) => ({ id: `o${i}`, text })), answerKey: { optionIds: ['o0', 'o1', 'o3'] } },
  { type: 'true_false', prompt: 'A nil map can be read.', answerKey: { value: true } },
  { type: 'short_text', prompt: 'Which command lists files?', answerKey: { accepted: ['ls'] } },
  { type: 'numeric', prompt: 'How many bits has an `int32`?', answerKey: { value: '32' } },
];

// exam publishes an assessment over the API and gives how to start it.
export async function exam(s, { questions = bank, minutes = 30, repeat = 1 } = {}) {
  const { id, slug } = await s.ask('POST', '/assessments', { title: 'Backend Engineer', timeLimitMinutes: minutes });
  for (let i = 0; i < repeat; i++) for (const q of questions) await s.ask('POST', `/assessments/${id}/questions`, q);
  await publish(s, id);
  return { id, slug };
}

// publish closes what the test before has left open: only so many may be active.
export async function publish(s, id) {
  if (s.active) await s.ask('POST', `/assessments/${s.active}/close`, {});
  await s.ask('POST', `/assessments/${id}/publish`, {});
  s.active = id;
}

let people = 0;

// begin starts in a page of its own, with the browser's cookie, and opens the test. It gives the page and what the server keeps.
export async function begin(open, s, { slug }, options = {}) {
  const page = await open({ allow: network, ...options });
  const started = await fetch(`${s.url}/api/v1/public/assessments/${slug}/submissions`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name: 'Ada', email: `ada${++people}@example.org`, consent: true }),
  });
  assert.equal(started.status, 201);
  const { submissionToken, submission } = await started.json();
  await page.context().addCookies([{ name: 'credlane_attempt', value: submissionToken, url: s.url, httpOnly: true, sameSite: 'Lax' }]);
  const kept = async () => {
    const own = await (await fetch(`${s.url}/api/v1/public/submission`, { headers: { Authorization: `Bearer ${submissionToken}` } })).json();
    return own.questions.map((q) => {
      const { answer = null, sequence = 0, flagged = false } = own.answers.find((a) => a.questionId === q.id) ?? {};
      const text = (id) => q.options.find((o) => o.id === id)?.text ?? id;
      return { answer: Array.isArray(answer) ? answer.map(text).sort() : text(answer), sequence, flagged };
    });
  };
  await go(page);
  return { page, kept, submission, token: submissionToken };
}

export async function go(page) {
  await page.goto('/take');
  await ready(page);
}

export const ready = (page) => page.locator('html[data-ready]').waitFor({ state: 'attached' });
export const pageKept = (page) => page.locator('html[data-kept]').waitFor({ state: 'attached' }); // it opens without a network from now on
export const saved = (page) => page.locator('[data-save]:not(.wait)').filter({ hasText: /^Saved/ }).waitFor();
export const question = (page, n) => page.locator(`#q${n}`);
export const option = (page, n, text) => question(page, n).locator('.opt').filter({ hasText: text });
export const goTo = (page, n) => page.evaluate((place) => { location.hash = `#q${place}`; }, n).then(() => question(page, n).waitFor());

// together runs tests on one server, one after the other.
export function together(name) {
  const all = [];
  test(name, async (t) => {
    const s = await server(t, { env: settings });
    s.ask = await signUp(s);
    for (const [name, run] of all) await t.test(name, (t) => run(t, s));
  });
  return (name, run) => all.push([name, run]);
}
