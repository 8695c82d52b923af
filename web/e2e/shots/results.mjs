// Results, and one submission.
import { at, published, submission } from '../shots-lib.mjs';

export default [
  { name: 'results', path: at('active', '/results') },
  { name: 'results-empty', path: async (ctx) => `/app/assessments/${(await published(ctx)).id}/results`, fresh: true },
  { name: 'submission', path: submission },
  { name: 'submission-open', path: submission, act: async (page) => { await page.locator('details.answer summary').first().click(); } },
];
