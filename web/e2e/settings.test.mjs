// The settings as people use them: what is saved, what is shown once, what is asked before it is done, and that every page
// stands in both themes, wide and narrow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, axe, browser, login, noSideways, owner, register, server, signUp } from './lib.mjs';

const pages = ['profile', 'sessions', 'organization', 'members', 'keys', 'webhooks', 'audit'];

test('a key is shown once, works, and is revoked by its name', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await register(page);
  await page.goto('/app/settings/keys');
  await axe(page, 'no keys');
  await page.getByRole('button', { name: 'New key' }).first().click();
  await axe(page, 'new key');
  await page.getByLabel('Name').fill('Applicant tracking');
  await page.keyboard.press('Enter');
  const box = page.locator('#secret');
  await box.waitFor();
  await page.getByRole('row', { name: /Applicant tracking/ }).waitFor(); // the page was refreshed and the secret is still there
  const key = await page.locator('#secret-value').textContent();
  assert.match(key, /^clk_/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'secret-title', 'the focus is at what is new');
  await axe(page, 'a new key');
  const use = await fetch(`${s.url}/api/v1/assessments`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal(use.status, 200);
  await page.getByRole('button', { name: 'Done' }).click();
  assert.ok(await box.isHidden());
  assert.ok(!(await page.content()).includes(key), 'the key is nowhere any more');

  await page.reload();
  await page.getByRole('button', { name: 'Revoke Applicant tracking' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByText('It was last used').waitFor();
  const revoke = dialog.getByRole('button', { name: 'Revoke key' });
  assert.ok(await revoke.isDisabled(), 'a key in use is not revoked by a slip');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Keep it', 'the focus is on the safe choice');
  await axe(page, 'revoking a key');
  await dialog.getByRole('textbox').fill('Applicant tracking');
  await revoke.click();
  await page.getByRole('heading', { name: 'No keys' }).waitFor();
  const after = await fetch(`${s.url}/api/v1/assessments`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal(after.status, 401);
});

test('a member is invited, gets another role, and is removed; the last owner stays', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open({ allow: [/409/, /422/] });
  await register(page);
  await page.goto('/app/settings/members');
  const email = page.getByLabel('Email to invite');
  await email.fill('nobody');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByText('Give one e-mail address').waitFor();
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  await axe(page, 'an address that is none');
  await email.fill('grace@example.com');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByText('grace@example.com is invited.').waitFor();
  const link = await page.locator('#secret-value').textContent();

  const other = await open();
  await other.goto(link);
  await axe(other, 'invitation');
  await other.getByLabel('Your name').fill('Grace Hopper');
  await other.locator('[name="password"]').fill('compilers are fun too');
  await other.keyboard.press('Enter');
  await other.waitForURL('**/app/assessments');

  await page.reload();
  const role = page.getByLabel('Role of Grace Hopper');
  assert.equal(await role.inputValue(), 'recruiter');
  await role.selectOption('admin');
  await page.getByText('Grace Hopper has another role now').waitFor();
  await other.goto('/app/settings/audit');
  await other.getByText('changed a role Grace Hopper').waitFor();

  const own = page.getByLabel(`Role of ${owner.name}`);
  await own.selectOption('viewer');
  await page.getByRole('button', { name: 'Keep my role' }).click();
  assert.equal(await own.inputValue(), 'owner', 'what was not done is not shown');
  await own.selectOption('viewer');
  await page.getByRole('button', { name: 'Change it' }).click();
  await page.getByText('An organization keeps at least one owner.').waitFor();
  assert.equal(await own.inputValue(), 'owner');

  await page.getByRole('button', { name: 'Remove Grace Hopper' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Grace Hopper was removed').waitFor();
  await page.waitForFunction((name) => document.activeElement?.getAttribute('aria-label') === `Role of ${name}`, owner.name); // the row beside it
  await other.goto('/app/assessments');
  await other.waitForURL('**/app/login**');
  await other.getByText('Your session has ended.').waitFor();
});

test('the profile saves itself where it says so, and a new password signs everybody else out', async (t) => {
  const s = await server(t);
  await signUp(s);
  const { open } = await browser(t, { url: s.url });
  const page = await open({ allow: [/422/] });
  const other = await open();
  await login(page);
  await login(other);
  await page.goto('/app/settings/profile');
  const saved = page.waitForResponse((r) => r.url().endsWith('/auth/me') && r.request().method() === 'PATCH');
  await page.getByRole('switch', { name: 'A daily digest of new submissions' }).click();
  assert.equal((await saved).status(), 200);
  await page.getByLabel('Name', { exact: true }).fill('Ines O.');
  await page.getByRole('button', { name: 'Save the name' }).click();
  await page.locator('.me').getByText('Ines O.').waitFor();
  await page.reload();
  assert.equal(await page.getByRole('switch').isChecked(), false);

  await page.locator('.seg').getByText('Dark').click();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await page.locator('.seg').getByText('As the device').click();
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-theme'), null);

  await page.getByLabel('Current password', { exact: true }).fill('not the right one');
  await page.getByLabel('New password', { exact: true }).fill('another long and quiet road');
  await page.getByRole('button', { name: 'Change the password' }).click();
  await page.getByRole('alert').getByText('The current password is not right.').waitFor();
  await page.getByLabel('Current password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await page.getByText('Password changed.').waitFor();
  await other.goto('/app/assessments');
  await other.waitForURL('**/app/login**');
  await login(other, { email: owner.email, password: 'another long and quiet road' });
});

test('a notice shows as candidates will see it while it is written', async (t) => {
  const s = await server(t);
  await signUp(s);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  await page.goto('/app/settings/organization');
  await page.getByText('This is the text that stands in').waitFor();
  await page.getByLabel('Text').fill('## We keep little\n\n<script>alert(1)</script>\n\n**Ask us.**');
  await page.locator('#notice-preview strong').getByText('Ask us.').waitFor();
  await page.getByRole('button', { name: 'Save the notice' }).click();
  await page.getByText('Version 2').waitFor();
});

test('a webhook shows its secret once and is switched off and on', async (t) => {
  const s = await server(t);
  await signUp(s);
  const { open } = await browser(t, { url: s.url });
  const page = await open({ allow: [/422/] });
  await login(page);
  await page.goto('/app/settings/webhooks');
  await page.getByRole('button', { name: 'New webhook' }).first().click();
  await page.getByLabel('Address').fill('http://localhost/');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('dialog .field-error').first().waitFor();
  await axe(page, 'an address that no webhook may have');
  await page.getByLabel('Address').fill('https://hooks.example.com/credlane');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('#secret').waitFor();
  assert.match(await page.locator('#secret-value').textContent(), /^whsec_/);
  await page.getByRole('link', { name: 'Deliveries to https://hooks.example.com/credlane' }).click();
  await axe(page, 'a webhook');
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByRole('button', { name: 'Switch it off' }).click();
  await page.getByText('It was switched off by hand.').waitFor();
  await page.getByRole('button', { name: 'Switch on' }).click();
  await page.getByRole('button', { name: 'New secret' }).click();
  await page.getByRole('button', { name: 'Make a new secret' }).click();
  await page.locator('#secret').waitFor();
  await page.getByText('The secret before signs too').waitFor();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await page.getByRole('heading', { name: 'No webhooks' }).waitFor();
});

test('every page of the settings stands in both themes, wide and narrow', async (t) => {
  const s = await server(t);
  const ask = await signUp(s);
  await ask('POST', '/members', { email: 'grace@example.com', role: 'recruiter' });
  await ask('POST', '/api-keys', { name: 'Tracker', role: 'viewer' });
  const { id } = await ask('POST', '/webhooks', { url: 'https://hooks.example.com/a/rather/long/address/that/goes/on', eventTypes: ['submission.scored'] });
  const { open } = await browser(t, { url: s.url });
  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 320]) {
      const page = await open({ theme, width });
      await login(page);
      for (const name of [...pages, `webhooks/${id}`]) {
        await page.goto(`/app/settings/${name}`);
        await axe(page, `${name} ${theme} ${width}`);
        await noSideways(page, `${name} ${width}`);
      }
      await page.context().close();
    }
  }
});

test('a viewer is told who can help', async (t) => {
  const s = await server(t);
  const ask = await signUp(s);
  const { acceptUrl } = await ask('POST', '/members', { email: 'vera@example.com', role: 'viewer' });
  const { open } = await browser(t, { url: s.url });
  const page = await open({ allow: [/403/] });
  await page.goto(acceptUrl);
  await page.getByLabel('Your name').fill('Vera');
  await page.locator('[name="password"]').fill('reading is enough here');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/app/assessments');
  await page.goto('/app/settings/keys');
  await page.getByText('Ask an admin or owner').first().waitFor();
  await axe(page, 'not allowed');
  const asVera = await api(s, { email: 'vera@example.com', password: 'reading is enough here' });
  assert.equal((await asVera('GET', '/api-keys', undefined, { fails: true })).status, 403);
});
