// The candidate before and after the test.
import { room } from '../shots-lib.mjs';

const options = [{ id: 'a', text: 'It prints `0`' }, { id: 'b', text: 'It panics' }, { id: 'c', text: 'Nothing' }];
const questions = [
  { type: 'single_choice', prompt: 'What happens?\n\n```go\nvar m map[string]int\nfmt.Println(len(m))\n```', options, points: 2, answerKey: { optionId: 'a' }, explanation: 'A nil map has **no** keys.' },
  { type: 'multiple_choice', prompt: 'Which hold?', options, points: 3, creditRule: 'right_minus_wrong', answerKey: { optionIds: ['a', 'b'] } },
  { type: 'true_false', prompt: 'A unique index takes several NULLs.', answerKey: { value: true } },
  { type: 'short_text', prompt: 'Which command lists files?', answerKey: { accepted: ['ls', 'dir'] } },
];

const assessment = (name, settings) => (ctx) => ctx.once(`candidate ${name}`, async () => {
  await room(ctx);
  const { id } = await ctx.ask('POST', '/assessments', { title: 'Backend Engineer – Go & Postgres' });
  await ctx.ask('PATCH', `/assessments/${id}`, {
    timeLimitMinutes: 75, description: 'The questions are like the work: reading code and choosing between designs.', ...settings,
  }, { headers: { 'If-Match': '*' } });
  for (const q of questions) await ctx.ask('POST', `/assessments/${id}/questions`, q);
  return ctx.ask('POST', `/assessments/${id}/publish`, {});
});
const open = assessment('open', { resultRelease: 'review', closesAt: new Date(Date.now() + 9 * 86_400_000).toISOString() });
const later = assessment('later', { opensAt: new Date(Date.now() + 3 * 86_400_000).toISOString() });

const invited = (name) => (ctx) => ctx.once(`invite ${name}`, async () => {
  const { id } = await open(ctx);
  const { results } = await ctx.ask('POST', `/assessments/${id}/invites`, { invites: [{ email: `${name}@example.com`, name: 'Amara Lindqvist', extraTimePercent: 20 }] });
  return new URL(results[0].invite.url).pathname;
});

// begun starts once and gives the candidate's cookie; answers are by the questions' types.
const begun = (name, submit, answers) => (ctx) => ctx.once(`begun ${name}`, async () => {
  const link = (await invited(name)(ctx)).slice('/i/'.length);
  const say = async (method, where, token, body) => {
    const r = await fetch(`${ctx.url}/api/v1/public${where}`, { method, headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
    if (!r.ok) throw new Error(`${method} ${where}: ${r.status} ${await r.text()}`);
    return r.json();
  };
  const { submissionToken, questions: asked } = await say('POST', `/invites/${link}/submissions`, '', { consent: true });
  for (const q of asked) {
    const answer = answers[q.type]?.(q);
    if (answer !== undefined) await say('PUT', `/submission/answers/${q.id}`, submissionToken, { answer, flagged: q.type === 'true_false' });
  }
  if (submit) await say('POST', '/submission/submit', submissionToken, {});
  return [{ name: 'credlane_attempt', value: submissionToken }];
});
const some = { single_choice: (q) => q.options.find((o) => o.text === 'It panics').id, multiple_choice: (q) => [q.options[0].id], true_false: () => true };
const under = begun('finishing', false, some);
const sent = begun('sent', true, some);

const press = async (page) => {
  await page.locator('form[data-start] button[type="submit"]').click();
  await page.locator('#problem').waitFor();
};
const landing = async (ctx) => `/a/${(await open(ctx)).slug}`;

export default [
  { name: 'candidate-landing', path: landing, as: 'nobody', ends: true },
  { name: 'candidate-landing-right-to-left', path: landing, as: 'nobody', locale: 'ar-XB' },
  { name: 'candidate-landing-errors', path: landing, as: 'nobody', act: press },
  { name: 'candidate-landing-offline', path: landing, as: 'nobody', act: async (page) => { await page.context().setOffline(true); await page.locator('[data-offline]').waitFor(); } },
  { name: 'candidate-landing-later', path: async (ctx) => `/a/${(await later(ctx)).slug}`, as: 'nobody' },
  { name: 'candidate-invite', path: invited('invited'), as: 'nobody' },
  { name: 'candidate-invite-decline', path: invited('invited'), as: 'nobody', act: (page) => page.locator('details.fold summary').click() },
  { name: 'candidate-code', path: landing, as: 'nobody', act: async (page) => {
    await page.evaluate(() => { // as the form of the way back does, where the server can send mail
      const form = document.createElement('form');
      form.method = 'post';
      form.action = `${location.pathname}/code`;
      for (const [name, value] of Object.entries({ back: 'yes', email: 'amara@example.com' })) {
        const field = document.createElement('input');
        Object.assign(field, { name, value });
        form.append(field);
      }
      document.body.append(form);
      form.submit();
    });
    await page.locator('#code').waitFor();
  } },
  { name: 'candidate-unknown', path: '/i/aaaaaaaaaaaaaaaaaaaaaaaaaa', as: 'nobody' },
  { name: 'candidate-no-cookie', path: '/take/result', as: 'nobody' },
  { name: 'candidate-started', path: invited('finishing'), cookies: under },
  { name: 'candidate-started-elsewhere', path: async (ctx) => { await under(ctx); return invited('finishing')(ctx); }, as: 'nobody' },
  { name: 'candidate-finish', path: '/take/finish', cookies: under },
  { name: 'candidate-data', path: '/take/data', cookies: under },
  { name: 'candidate-result', path: '/take/result', cookies: sent, ends: true },
  { name: 'candidate-result-right-to-left', path: '/take/result', cookies: sent, locale: 'ar-XB' },
  { name: 'candidate-already-sent', path: invited('sent'), cookies: sent },
];
