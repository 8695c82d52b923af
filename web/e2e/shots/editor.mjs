// The editor in its states.
import { backend } from '../shots-lib.mjs';

const prompt = 'Which changes would let Postgres answer this query with an **index-only scan**?\n\n```sql\nSELECT eta FROM shipments\n' +
  " WHERE carrier_id = $1 AND status = 'late'\n ORDER BY eta LIMIT 50;\n```";

// draft is one assessment with a question of each type, the last without a key.
function draft({ once }) {
  return once('editor', async ({ ask }) => {
    const a = await ask('POST', '/assessments', { title: 'Backend Engineer – Go & Postgres', timeLimitMinutes: 75, passingScore: 70, shuffleQuestions: true });
    const ids = [];
    for (const q of [
      { type: 'multiple_choice', prompt, options: [{ id: 'a', text: '`CREATE INDEX ON shipments (carrier_id, status, eta)`' }, { id: 'b', text: 'Let autovacuum keep the visibility map current' },
        { id: 'c', text: '`CREATE INDEX ON shipments (eta)`' }, { id: 'd', text: 'Raise work_mem to 256 MB' }], answerKey: { optionIds: ['a', 'b'] }, creditRule: 'right_minus_wrong',
      points: 3, difficulty: 'medium', tags: ['postgres', 'indexes'], explanation: 'All columns must be in the index, and the pages must be marked all-visible.' },
      { type: 'single_choice', prompt: 'Which isolation level stops this lost update?', options: [{ id: 'a', text: 'READ COMMITTED' }, { id: 'b', text: 'REPEATABLE READ' }], answerKey: { optionId: 'b' }, points: 3, difficulty: 'hard' },
      { type: 'true_false', prompt: 'A unique index accepts several NULLs by default.', answerKey: { value: true }, difficulty: 'easy' },
      { type: 'short_text', prompt: 'Name the lock that a plain `ADD COLUMN` takes.', answerKey: { accepted: ['ACCESS EXCLUSIVE', 'AccessExclusiveLock'] }, points: 2 },
      { type: 'numeric', prompt: 'How many rows does the anti-join return?', answerKey: { value: '850', tolerance: '2', toleranceKind: 'percent' }, points: 2 },
      { type: 'single_choice', prompt: 'Where does the idempotency key belong?', options: [{ id: 'a', text: 'In a header' }, { id: 'b', text: 'In the body' }], points: 3, difficulty: 'medium' },
    ]) ids.push((await ask('POST', `/assessments/${a.id}/questions`, q)).id);
    return { at: `/app/assessments/${a.id}`, ids };
  });
}

const question = (n) => async (ctx) => {
  const { at, ids } = await draft(ctx);
  return `${at}?q=${ids[n]}`;
};
const below = (path) => async (ctx) => (await draft(ctx)).at + path;
const published = backend();
const publish = (page) => page.locator('[data-publish]:visible').click();

export default [
  { name: 'editor-multiple', path: question(0), ends: true },
  { name: 'editor-single', path: question(1) },
  { name: 'editor-true-false', path: question(2) },
  { name: 'editor-short', path: question(3) },
  { name: 'editor-numeric', path: question(4) },
  { name: 'editor-empty', path: async ({ once }) => `/app/assessments/${(await once('empty', ({ ask }) => ask('POST', '/assessments', { title: 'A new one' }))).id}` },
  { name: 'editor-published', path: published },
  { name: 'editor-list', path: question(0), sizes: [390], whole: false, act: (page) => page.locator('[data-qpick]').click() },
  { name: 'editor-type', path: question(0), whole: false, sizes: [1440], act: (page) => page.locator('[data-kind="numeric"]').click() },
  { name: 'editor-offline', path: question(1), whole: false, act: async (page) => {
    await page.route('**/api/v1/**', (r) => r.abort());
    await page.locator('#q-prompt').pressSequentially(' Typed in a tunnel.');
    await page.locator('#save[data-state="kept"]').waitFor();
  } },
  { name: 'editor-conflict', path: question(1), whole: false, act: async (page, { ask }) => {
    const [, id] = /assessments\/([^/?]+)/.exec(page.url());
    const q = new URL(page.url()).searchParams.get('q');
    const where = `/assessments/${id}/questions/${q}`;
    await ask('PATCH', where, { prompt: `Which level stops this lost update (${Math.random()})?` }, { headers: { 'If-Match': '*' } });
    await page.locator('#q-prompt').fill('Which isolation level makes Postgres refuse the second commit?');
    await page.getByRole('button', { name: 'Compare, then choose' }).click();
    await page.locator('#conflict[open]').waitFor();
  } },
  { name: 'editor-blocked', path: question(0), whole: false, act: async (page) => {
    await publish(page);
    await page.locator('#publish[open]').waitFor();
  } },
  { name: 'editor-publish', whole: false, path: async (ctx) => {
    const a = await ctx.ask('POST', '/assessments', { title: 'Ready to go live' });
    await ctx.ask('POST', `/assessments/${a.id}/questions`, { type: 'true_false', prompt: 'It is so.', answerKey: { value: true } });
    return `/app/assessments/${a.id}`;
  }, act: async (page) => {
    await publish(page);
    await page.locator('#publish[open]').waitFor();
  } },
  { name: 'editor-preview', path: below('/preview') },
  { name: 'editor-preview-text', path: below('/preview?n=4') },
  { name: 'versions', path: async (ctx) => `${await published(ctx)}/versions` },
  { name: 'versions-none', path: below('/versions') },
  { name: 'version', path: async (ctx) => `${await published(ctx)}/versions/1` },
];
