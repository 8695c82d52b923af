// The settings, one page each, and what is shown once or asked first.
const page = (name, more = {}) => ({ name: `settings-${name}`, path: `/app/settings/${name.split('-')[0]}`, ...more });
const press = (name, then) => async (p) => {
  await p.getByRole('button', { name, exact: true }).first().click();
  await p.locator(then).waitFor();
};
const hook = ({ once }) => once('hook', async ({ ask }) => {
  const { id } = await ask('POST', '/webhooks', { url: 'https://ats.example.com/hooks/credlane', eventTypes: ['submission.scored'] });
  await ask('POST', `/webhooks/${id}/test`, {});
  return `/app/settings/webhooks/${id}`;
});
const key = ({ once }) => once('key', ({ ask }) => ask('POST', '/api-keys', { name: 'Applicant tracking', role: 'viewer' }));

// viewer signs somebody in who may only read.
const viewer = ({ s, once }) => once('viewer', async ({ ask }) => {
  const { acceptUrl } = await ask('POST', '/members', { email: 'vera.lindholm@example.com', role: 'viewer' });
  const answer = await fetch(acceptUrl, {
    method: 'POST', redirect: 'manual', headers: { Origin: s.url, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ name: 'Vera Lindholm', password: 'reading is enough here' }),
  });
  const [name, value] = answer.headers.getSetCookie()[0].split(';')[0].split('=');
  return [{ name, value }];
});

export default [
  page('profile', { ends: true }), page('sessions'), page('organization'), page('members'), page('keys'), page('webhooks'), page('audit'),
  page('keys-new', { whole: false, act: press('New key', 'dialog[open]') }),
  page('keys-shown', { act: async (p) => {
    await press('New key', 'dialog[open]')(p);
    await p.getByLabel('Name').fill('Reporting');
    await p.keyboard.press('Enter');
    await p.locator('#secret-value').waitFor();
  } }),
  page('keys-revoke', { whole: false, act: async (p, ctx) => {
    await key(ctx);
    await p.reload();
    await p.getByRole('button', { name: 'Revoke Applicant tracking' }).first().click();
    await p.getByRole('alertdialog').waitFor();
  } }),
  page('webhooks-new', { whole: false, act: press('New webhook', 'dialog[open]') }),
  { name: 'settings-webhook', path: hook },
  { name: 'viewer-keys', path: '/app/settings/keys', cookies: viewer },
  { name: 'viewer-assessments', path: '/app/assessments', cookies: viewer },
  { name: 'viewer-editor', path: async ({ ask }) => `/app/assessments/${(await ask('GET', '/assessments?status=active')).items[0].id}`, cookies: viewer },
];
