// What the lists of pages and states share: addresses in the example employer, and a test to take.
import { randomUUID } from 'node:crypto';

// at gives a path below the example's assessment of that status: at('active', '/results').
export const at = (status, rest = '') => async (ctx) => {
  const { items } = await ctx.once('assessments', () => ctx.ask('GET', '/assessments'));
  return `/app/assessments/${items.find((a) => a.status === status).id}${rest}`;
};

// backend gives a path below the example's largest assessment.
export const backend = (rest = '') => async (ctx) => {
  const { items } = await ctx.once('assessments', () => ctx.ask('GET', '/assessments'));
  return `/app/assessments/${items.find((a) => a.title.startsWith('Backend engineer:')).id}${rest}`;
};

// room closes another one where as many as may be are active.
export const room = async ({ ask }) => {
  const { items } = await ask('GET', '/assessments?status=active');
  const other = items.findLast((a) => !a.title.startsWith('Backend engineer:'));
  if (items.length > 2) await ask('POST', `/assessments/${other.id}/close`, {});
};

export const submission = async (ctx) => {
  const { items } = await ctx.once('assessments', () => ctx.ask('GET', '/assessments'));
  const active = items.filter((a) => a.status === 'active').at(-1);
  const taken = await ctx.once('submissions', () => ctx.ask('GET', `/assessments/${active.id}/submissions?limit=100`));
  return `/app/submissions/${taken.items.find((x) => x.status === 'submitted').id}`;
};

const code = 'What happens when this program runs?\n\n```go\nfunc main() {\n\tvar m map[string]int\n\tfmt.Println(len(m), m["lane"])\n\tm["lane"] = 1\n}\n```';
const options = ['It prints `0 0`, then panics', 'It panics before it prints anything', 'It prints `0 0` and ends normally', 'It does not compile']
  .map((text, i) => ({ id: 'abcd'[i], text }));

// published is a test of several questions on the fresh server: { id, slug }.
export const published = (ctx) => ctx.once('published', async ({ ask }) => {
  const { id } = await ask('POST', '/assessments', { title: 'Backend Engineer – Go & Postgres' });
  await ask('PATCH', `/assessments/${id}`, { timeLimitMinutes: 75, resultRelease: 'review' }, { headers: { 'If-Match': '*' } });
  for (let i = 0; i < 4; i++) {
    await ask('POST', `/assessments/${id}/questions`, { type: 'single_choice', prompt: code, options, answerKey: { optionId: 'a' }, explanation: 'Reading a nil map is fine; writing to it panics.' });
    await ask('POST', `/assessments/${id}/questions`, { type: 'multiple_choice', prompt: 'Which of these hold?', options, answerKey: { optionIds: ['a', 'c'] } });
    await ask('POST', `/assessments/${id}/questions`, { type: 'true_false', prompt: 'A unique index accepts several NULLs by default.', answerKey: { value: true } });
    await ask('POST', `/assessments/${id}/questions`, { type: 'short_text', prompt: 'Name the lock that a plain `ADD COLUMN` takes.', answerKey: { accepted: ['access exclusive'] } });
    await ask('POST', `/assessments/${id}/questions`, { type: 'numeric', prompt: 'How many rows are left?', answerKey: { value: '850' } });
  }
  return ask('POST', `/assessments/${id}/publish`, {});
});

// start brings a candidate of their own from the landing into the test, and gives { email }. plain: the page runs no script.
export async function start(page, { plain = false } = {}) {
  const email = `amara.lindqvist+${randomUUID().slice(0, 6)}@example.com`;
  await page.locator('#name').fill('Amara Lindqvist');
  await page.locator('#email').fill(email);
  await page.locator('#consent').check();
  await page.locator('form[data-start] button[type="submit"]').click();
  await page.waitForURL('**/take');
  if (!plain) await page.locator('html[data-ready]').waitFor({ state: 'attached' });
  return { email };
}
