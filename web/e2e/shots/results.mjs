// Results, and one submission.
import { at, backend, published, room, submission } from '../shots-lib.mjs';

const results = (rest = '') => backend(`/results${rest}`);
const of = (status) => async (ctx) => {
  const { items } = await ctx.ask('GET', `${(await backend('/submissions')(ctx)).replace('/app', '')}?status=${status}`);
  return `/app/submissions/${items.at(-1).id}`;
};
const choices = async (ctx) => {
  const path = await results()(ctx);
  const { items } = await ctx.ask('GET', path.replace('/app', ''));
  return `${path}?choices=${items.find((i) => i.type === 'multiple_choice').questionId}`;
};
const release = async (page) => {
  await page.getByRole('button', { name: /release/i }).first().click();
  await page.getByRole('dialog').waitFor();
};
const decided = async (ctx) => {
  const path = await of('submitted')(ctx);
  await ctx.once('decided', () => ctx.ask('PATCH', path.replace('/app', ''), { decision: 'shortlist', note: 'Call on Monday.', tags: ['remote', 'senior'] }, { headers: { 'If-Match': '*' } }));
  return path;
};

// few is an assessment that three people have taken.
const few = ({ url, once }) => once('few', async ({ ask }) => {
  await room({ ask });
  const { id } = await ask('POST', '/assessments', { title: 'Warehouse shift lead' });
  await ask('POST', `/assessments/${id}/questions`, { type: 'true_false', prompt: 'A load is checked before it is signed for.', answerKey: { value: true } });
  const { slug } = await ask('POST', `/assessments/${id}/publish`, {});
  for (const [i, name] of ['Mina Fairweather', 'Rafael Osei', 'Hana Petrov'].entries()) {
    const say = async (where, method, token, body) => (await fetch(`${url}/api/v1/public${where}`, { method, headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }, body: JSON.stringify(body) })).json();
    const { submissionToken, questions } = await say(`/assessments/${slug}/submissions`, 'POST', '', { name, email: `person${i}@example.com`, consent: true });
    await say(`/submission/answers/${questions[0].id}`, 'PUT', submissionToken, { answer: i < 2 });
    await say('/submission/submit', 'POST', submissionToken, {});
  }
  return `/app/assessments/${id}/results`;
});

export default [
  { name: 'results', path: results(), ends: true },
  { name: 'results-public', path: at('active', '/results') },
  { name: 'results-empty', path: async (ctx) => `/app/assessments/${(await published(ctx)).id}/results`, fresh: true },
  { name: 'results-none-found', path: results('?q=nobody+at+all') },
  { name: 'results-choices', path: choices },
  { name: 'results-release', path: results(), whole: false, act: release },
  { name: 'submission', path: submission, ends: true },
  { name: 'submission-open', path: submission, act: async (page) => { await page.locator('details.answer summary').first().click(); } },
  { name: 'submission-running', path: of('in_progress') },
  { name: 'submission-out-of-time', path: of('expired') },
  { name: 'submission-decided', path: decided },
  { name: 'results-shortlist', path: async (ctx) => { await decided(ctx); return results('?decision=shortlist')(ctx); } },
  { name: 'submission-void', path: of('in_progress'), whole: false, act: async (page) => { await page.getByRole('button', { name: 'Void' }).click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'results-few', path: few },
];
