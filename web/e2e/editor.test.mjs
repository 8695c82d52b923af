// The editor: every type of question is written and saved by itself, reordered, lost by no dead network and no second tab, and published.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, browser, focused, login, noSideways, server, shifts, signUp, weigh } from './lib.mjs';

// One server and one employer serve all of these; each test has an assessment and a browser of its own.
const ends = [];
let s, ask, cookies;

before(async () => {
  const t = { after: (fn) => ends.unshift(fn) };
  s = await server(t);
  ask = await signUp(s);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  cookies = await page.context().cookies();
});

after(async () => {
  for (const end of ends) await end();
});

async function stage(t, questions = [], allow = []) {
  const a = await ask('POST', '/assessments', { title: 'Backend engineer' });
  const ids = [];
  for (const q of questions) ids.push((await ask('POST', `/assessments/${a.id}/questions`, q)).id);
  const opener = await browser(t, { url: s.url, allow });
  const open = async (options) => {
    const page = await opener.open(options);
    await page.context().addCookies(cookies);
    return page;
  };
  const page = await open();
  const at = `/app/assessments/${a.id}`;
  await page.goto(at);
  return { a, ids, open, page, at, list: async () => (await ask('GET', `/assessments/${a.id}/questions`)).items };
}

const choice = (prompt, more = {}) => ({
  type: 'single_choice', prompt, options: [{ id: 'a', text: 'yes' }, { id: 'b', text: 'no' }, { id: 'c', text: 'perhaps' }], answerKey: { optionId: 'a' }, ...more,
});

// saved waits until all that was typed is on the server.
const saved = (page) => page.locator('#save[data-state="saved"]').waitFor();
const title = (page, text) => page.locator('#q-title').getByText(text, { exact: true }).waitFor();
const leaveField = (page) => page.evaluate(() => document.activeElement.blur());

test('a question of each type is written, saved by itself, and reads back the same', async (t) => {
  const { page, list, at } = await stage(t);
  await page.getByRole('heading', { name: 'Write the first question' }).waitFor();
  await axe(page, 'empty editor');
  await page.getByRole('button', { name: 'New question' }).click();
  await title(page, 'Question 1');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'q-prompt', 'the text of a new question is ready to be typed over');
  await page.keyboard.type('Which **index** helps?\n\n```sql\nSELECT 1;\n```');
  await page.locator('#q-prompt-shown .chroma .k').first().waitFor(); // the server highlights while one types
  const options = page.locator('[data-options] [data-text]');
  await options.nth(0).fill('`(a, b)`');
  await options.nth(1).fill('none');
  await options.nth(1).press('Enter');
  await page.keyboard.type('third');
  await leaveField(page);
  await page.keyboard.press('2');
  await saved(page);
  await axe(page, 'single choice');

  await page.keyboard.press('n');
  await title(page, 'Question 2');
  await page.keyboard.type('Pick two');
  await page.getByRole('button', { name: 'Multiple', exact: true }).click();
  for (const [i, text] of ['one', 'two', 'three'].entries()) {
    if (i === 2) await page.getByRole('button', { name: 'Add option' }).click();
    await options.nth(i).fill(text);
  }
  await leaveField(page);
  await page.keyboard.press('1');
  await page.keyboard.press('3');
  await page.locator('[name="creditRule"]').selectOption('right_minus_wrong');
  await page.getByLabel('Points').fill('2,5');
  await page.getByRole('button', { name: 'Hard', exact: true }).click();
  await page.getByLabel('Tags').fill('sql');
  await page.getByLabel('Tags').press('Enter');
  await page.getByLabel('Why this is the answer').fill('Because.');
  await saved(page);
  await axe(page, 'multiple choice');

  await leaveField(page);
  await page.keyboard.press('n');
  await title(page, 'Question 3');
  await page.keyboard.type('It is so.');
  await page.getByRole('button', { name: 'True or false', exact: true }).click();
  await leaveField(page);
  await page.keyboard.press('2');
  await saved(page);
  await axe(page, 'true or false');

  await page.keyboard.press('n');
  await title(page, 'Question 4');
  await page.keyboard.type('Name the lock');
  await page.getByRole('button', { name: 'Short text', exact: true }).click();
  await confirmType(page);
  const accepted = page.getByLabel('Accepted answers');
  for (const text of ['ACCESS EXCLUSIVE', 'AccessExclusiveLock', 'wrong']) {
    await accepted.fill(text);
    await accepted.press('Enter');
  }
  await page.getByRole('button', { name: 'Remove wrong' }).click();
  await page.getByLabel('Ignore capitals').uncheck();
  await saved(page);
  await axe(page, 'short text');

  await leaveField(page);
  await page.keyboard.press('n');
  await title(page, 'Question 5');
  await page.keyboard.type('How many rows?');
  await page.getByRole('button', { name: 'Numeric', exact: true }).click();
  await confirmType(page);
  await page.getByLabel('Correct value').fill('1.2.3');
  await page.getByText('Write one number, such as 12.5').waitFor();
  assert.equal(await page.locator('#save').getAttribute('data-state'), 'invalid');
  await page.getByLabel('Correct value').fill('850');
  await page.getByLabel('Allowed difference').fill('2');
  await page.getByLabel('Measured').selectOption('percent');
  await page.getByText('From 833 to 867 is right').waitFor();
  await saved(page);
  await axe(page, 'numeric');

  const q = await list();
  const right = (one) => one.options.filter((o) => o.id === one.answerKey.optionId || one.answerKey.optionIds?.includes(o.id)).map((o) => o.text);
  assert.deepEqual(q.map((one) => one.type), ['single_choice', 'multiple_choice', 'true_false', 'short_text', 'numeric']);
  assert.equal(q[0].prompt, 'Which **index** helps?\n\n```sql\nSELECT 1;\n```');
  assert.deepEqual([q[0].options.map((o) => o.text), right(q[0])], [['`(a, b)`', 'none', 'third'], ['none']]);
  assert.deepEqual([right(q[1]), q[1].creditRule, q[1].points, q[1].difficulty, q[1].tags, q[1].explanation],
    [['one', 'three'], 'right_minus_wrong', 2.5, 'hard', ['sql'], 'Because.']);
  assert.deepEqual(q.slice(2).map((one) => one.answerKey), [{ value: false }, { accepted: ['ACCESS EXCLUSIVE', 'AccessExclusiveLock'], caseSensitive: true },
    { value: '850', tolerance: '2', toleranceKind: 'percent' }]);

  // What the page shows after a reload is what was typed, and looking at it changes nothing.
  const changed = [];
  page.on('request', (r) => { if (r.method() === 'PATCH') changed.push(r.url()); });
  for (const one of q) {
    await page.goto(`${at}?q=${one.id}`);
    await page.locator('#save[data-state="saved"]').waitFor();
    assert.equal(await page.locator('#q-prompt').inputValue(), one.prompt);
    await page.locator('#q-prompt').focus();
  }
  assert.deepEqual(changed, []);
  assert.deepEqual(await list(), q);
});

// confirmType answers the question whether an answer may go, where it is asked.
async function confirmType(page) {
  const dialog = page.getByRole('alertdialog');
  if (await dialog.count()) await dialog.getByRole('button', { name: 'Change the type' }).click();
}

test('another type keeps the text, and asks before answers go', async (t) => {
  const { page, list } = await stage(t, [choice('Which?')]);
  await page.getByRole('button', { name: 'Numeric', exact: true }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Change to numeric?' });
  await dialog.waitFor();
  await axe(page, 'asking about the type');
  assert.equal((await focused(page)).name, 'Keep single choice');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('button', { name: 'Single', exact: true }).getAttribute('aria-pressed'), 'true');
  assert.equal((await list())[0].options.length, 3);
  // One of several is no loss.
  await page.getByRole('button', { name: 'Multiple', exact: true }).click();
  await saved(page);
  assert.equal((await list())[0].answerKey.optionIds.length, 1);
  await page.getByRole('button', { name: 'Short text', exact: true }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Change the type' }).click();
  await saved(page);
  const [q] = await list();
  assert.deepEqual([q.type, q.prompt, q.options, q.answerKey], ['short_text', 'Which?', [], null]);
  await page.getByText('Question 1: no correct answer').waitFor();
});

test('questions and options are moved by keyboard, by pointer and by menu, and each move is said', async (t) => {
  const { page, list, ids } = await stage(t, ['A', 'B', 'C', 'D'].map((p) => choice(p)));
  const order = async () => (await list()).map((q) => q.prompt).join('');
  const said = page.locator('#ed-live');
  const put = () => page.waitForResponse((r) => r.request().method() === 'PUT' && r.ok());
  const grip = page.locator(`#li-${ids[0]} [data-grip]`);
  await grip.focus();
  await page.keyboard.press('Space');
  assert.match(await said.textContent(), /^Question 1 lifted, place 1 of 4\./);
  await page.keyboard.press('ArrowDown');
  assert.equal(await said.textContent(), 'Place 2 of 4.');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  assert.equal(await said.textContent(), 'Question 1 is back at place 1.');
  assert.equal(await order(), 'ABCD');
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  await Promise.all([put(), page.keyboard.press('Space')]);
  assert.equal(await order(), 'BACD');
  assert.deepEqual(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Move question 2');
  await title(page, 'Question 2'); // the open one knows its new place

  const box = await page.locator(`#li-${ids[3]} [data-grip]`).boundingBox();
  const top = await page.locator(`#li-${ids[1]}`).boundingBox();
  await page.mouse.move(box.x + 8, box.y + 8);
  await page.mouse.down();
  await page.mouse.move(box.x + 8, top.y + 60, { steps: 6 });
  await page.mouse.move(box.x + 8, top.y + 4, { steps: 4 });
  await Promise.all([put(), page.mouse.up()]);
  assert.equal(await order(), 'DBAC');

  const menu = page.getByRole('button', { name: 'More for this question' });
  await menu.click();
  await Promise.all([put(), page.getByRole('button', { name: 'Move up' }).click()]);
  assert.equal(await order(), 'DABC');
  await menu.click();
  await page.getByRole('button', { name: 'Move to a place' }).click();
  await page.getByLabel('New place').fill('9');
  await page.keyboard.press('Enter');
  await page.getByText('Give a place from 1 to 4.').waitFor();
  await page.getByLabel('New place').fill('4');
  await Promise.all([put(), page.keyboard.press('Enter')]);
  assert.equal(await order(), 'DBCA');
  await title(page, 'Question 4');

  const option = page.getByRole('button', { name: 'Move option A', exact: true });
  await option.focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await saved(page);
  const moved = (await list())[3];
  assert.deepEqual(moved.options.map((o) => o.text), ['no', 'yes', 'perhaps']);
  assert.equal(moved.answerKey.optionId, moved.options[1].id, 'the mark goes with its option');
});

test('a question is found, filtered for, reached by J and K, copied, deleted and had back', async (t) => {
  const { page, list } = await stage(t, [choice('Alpha'), choice('Beta', { answerKey: undefined, tags: ['needle'] }), choice('Gamma', { difficulty: 'hard' })]);
  const lines = page.locator('#ql li[data-id]');
  await page.getByLabel('Find a question').fill('NEEDLE');
  await page.getByText('1 question fits').waitFor();
  assert.match(await lines.textContent(), /Beta.*No correct answer marked/);
  await page.getByLabel('Find a question').fill('');
  await lines.nth(2).waitFor();
  await page.getByRole('button', { name: 'Filter questions' }).click();
  await axe(page, 'filter');
  await page.getByLabel('Only without a correct answer').check();
  await page.getByText('1 question fits').waitFor();
  await page.getByRole('button', { name: 'Show all questions' }).click();
  await lines.nth(2).waitFor();

  await leaveField(page);
  await page.keyboard.press('j');
  await title(page, 'Question 2');
  assert.match(page.url(), /\?q=/);
  await page.keyboard.press('k');
  await title(page, 'Question 1');
  await page.goBack();
  await title(page, 'Question 2');
  await page.locator('#q').focus();
  await page.keyboard.press('2');
  await saved(page);
  await page.locator('#ql .qw').waitFor({ state: 'detached' });
  assert.equal((await list())[1].answerKey.optionId, (await list())[1].options[1].id);

  await page.getByRole('button', { name: 'Duplicate question' }).click();
  await title(page, 'Question 3');
  const before = await list();
  assert.deepEqual(before.map((q) => q.prompt), ['Alpha', 'Beta', 'Beta', 'Gamma']);
  assert.equal(before[2].options.findIndex((o) => o.id === before[2].answerKey.optionId), 1, 'the copy has the key too');
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await lines.nth(3).waitFor({ state: 'detached' });

  await lines.nth(0).locator('a').click();
  await title(page, 'Question 1');
  await page.getByRole('button', { name: 'Delete question' }).click();
  await lines.nth(2).waitFor({ state: 'detached' });
  await axe(page, 'deleted');
  assert.deepEqual((await list()).map((q) => q.prompt), ['Beta', 'Gamma']);
  await page.locator('.toast').filter({ hasText: 'deleted' }).getByRole('button', { name: 'Undo' }).click();
  await lines.nth(2).waitFor();
  const [back] = await list();
  assert.deepEqual([back.prompt, back.options.length, back.answerKey.optionId], ['Alpha', 3, back.options[0].id]);
});

test('what is typed without a network stays, is sent when it is back, and nobody leaves unwarned', async (t) => {
  const { page, list, ids } = await stage(t, [choice('First'), choice('Second')], [/ERR_FAILED|ERR_INTERNET_DISCONNECTED/]);
  await page.route('**/api/v1/**', (r) => r.abort());
  await page.locator('#q-prompt').fill('Typed in a tunnel');
  const line = page.locator('#save');
  await page.locator('#save[data-state="kept"]').waitFor();
  assert.match(await line.textContent(), /Kept in this tab, trying again in \d+ s/);
  await axe(page, 'offline');
  // Another question may be looked at meanwhile; the first one waits, form and all.
  await page.locator(`#li-${ids[1]} a`).click();
  await title(page, 'Question 2');
  await page.locator(`#li-${ids[0]} a`).click();
  await title(page, 'Question 1');
  assert.equal(await page.locator('#q-prompt').inputValue(), 'Typed in a tunnel');
  const asked = page.waitForEvent('dialog');
  const leaving = page.goto('/app/assessments').catch(() => {});
  const dialog = await asked;
  assert.equal(dialog.type(), 'beforeunload');
  await dialog.dismiss();
  await leaving;
  assert.equal((await list())[0].prompt, 'First');
  // Each try that fails makes the pause longer, so that the next one does not come by itself between the two lines below.
  for (let tries = 0; tries < 3; tries++) {
    const failed = page.waitForEvent('requestfailed', (r) => r.method() === 'PATCH');
    await page.getByRole('button', { name: 'Save now' }).click();
    await failed;
  }
  await page.getByText('trying again in 30 s').or(page.getByText('trying again in 29 s')).waitFor();
  await page.unroute('**/api/v1/**');
  await page.getByRole('button', { name: 'Save now' }).click();
  await saved(page);
  assert.equal((await list())[0].prompt, 'Typed in a tunnel');
  // By itself too, as soon as the browser says that it is back.
  await page.context().setOffline(true);
  await page.locator('#q-prompt').fill('Typed in another');
  await page.locator('#save[data-state="kept"]').waitFor();
  await page.context().setOffline(false);
  await saved(page);
  assert.equal((await list())[0].prompt, 'Typed in another');
});

test('an answer that was lost on its way back is no conflict', async (t) => {
  const { page, list } = await stage(t, [choice('First')], [/ERR_FAILED/, /412/]);
  let lost = 0;
  await page.route('**/questions/*', async (r) => {
    if (r.request().method() !== 'PATCH' || lost++) return r.continue();
    await r.fetch();
    await r.abort();
  });
  await page.locator('#q-prompt').fill('Arrived all the same');
  await page.locator('#save[data-state="kept"]').waitFor();
  await page.getByRole('button', { name: 'Save now' }).click();
  await saved(page);
  assert.equal(await page.locator('.q-conflict:visible').count(), 0);
  await page.locator('#q-prompt').fill('And goes on');
  await saved(page);
  assert.equal((await list())[0].prompt, 'And goes on');
});

test('who was signed out meanwhile loses nothing', async (t) => {
  const { page, list } = await stage(t, [choice('First')], [/401/]);
  await page.context().clearCookies();
  await page.locator('#q-prompt').fill('Typed after the session ended');
  await page.locator('#save[data-state="signed-out"]').waitFor();
  await page.getByText('Signed out. Kept in this tab').waitFor();
  await page.context().addCookies(cookies); // signed in again, in another tab
  await page.getByRole('button', { name: 'Save now' }).click();
  await saved(page);
  assert.equal((await list())[0].prompt, 'Typed after the session ended');
});

test('two tabs that change one question keep both versions until somebody chooses', async (t) => {
  const { page, at, list } = await stage(t, [choice('As it was')], [/412/]);
  const other = await page.context().newPage();
  await other.goto(at);
  await other.locator('#q-prompt').fill('Theirs');
  await saved(other);
  await page.locator('#q-prompt').fill('Mine');
  await page.locator('#save[data-state="conflict"]').waitFor();
  assert.equal((await list())[0].prompt, 'Theirs');
  await page.getByText(/You changed question 1 in another tab at \d\d:\d\d\. Both versions are kept\./).waitFor();
  await page.getByRole('button', { name: 'Compare, then choose' }).click();
  const dialog = page.getByRole('dialog', { name: 'Two versions of question 1' });
  await dialog.waitFor();
  await axe(page, 'two versions');
  assert.match(await dialog.locator('tbody').textContent(), /^QuestionMineTheirs$/);
  await dialog.getByRole('button', { name: 'Take theirs' }).click();
  await page.waitForFunction(() => document.querySelector('#q-prompt').value === 'Theirs');
  await saved(page);
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await page.waitForFunction(() => document.querySelector('#q-prompt').value === 'Mine');
  assert.equal((await list())[0].prompt, 'Mine');

  await other.locator('#q-prompt').fill('Theirs again');
  await other.locator('#save[data-state="conflict"]').waitFor();
  await other.getByRole('button', { name: 'Compare, then choose' }).click();
  await other.getByRole('button', { name: 'Keep mine' }).click();
  await saved(other);
  assert.equal((await list())[0].prompt, 'Theirs again');
});

test('settings are saved by field, in local time, and only the same field is a conflict', async (t) => {
  const { page, at, a } = await stage(t, [choice('One', { points: 2 })], [/412/]);
  const now = () => ask('GET', `/assessments/${a.id}`);
  await page.getByLabel('Time limit').fill('75');
  await page.getByLabel('Pass at', { exact: true }).fill('70');
  await page.getByLabel('Shuffle options').check();
  await page.getByLabel('From a date on').check();
  await page.getByText('Choose a date and time.').waitFor();
  await page.getByLabel('From', { exact: true }).fill('2030-01-01T10:00');
  await page.getByLabel('They see').selectOption('review');
  await page.getByLabel('Opens').fill('2030-01-01T09:00');
  await page.getByLabel('Closes to new starts').fill('2029-01-01T09:00');
  await page.getByText('Let it close after it opens.').waitFor();
  await page.getByLabel('Closes to new starts').fill('2031-07-01T09:00');
  await page.getByLabel('Remind invited people').uncheck();
  await saved(page);
  const s = await now();
  assert.deepEqual([s.timeLimitMinutes, s.passingScore, s.shuffleQuestions, s.shuffleOptions, s.resultRelease, s.releaseAt, s.opensAt, s.closesAt, s.reminders],
    [75, 70, false, true, 'review', '2030-01-01T09:00:00Z', '2030-01-01T08:00:00Z', '2031-07-01T07:00:00Z', false]);
  await page.getByText('1.4 of 2 points pass').waitFor();
  assert.ok(await page.getByLabel('Ask for a code by e-mail').isDisabled(), 'without mail nobody gets a code');
  await page.reload();
  assert.equal(await page.getByLabel('Opens').inputValue(), '2030-01-01T09:00');

  const other = await page.context().newPage();
  await other.goto(at);
  await other.getByLabel('Title').fill('Another title');
  await saved(other);
  await page.getByLabel('Time limit').fill('80');
  await saved(page);
  assert.equal(await page.getByLabel('Title').inputValue(), 'Another title', 'what others changed is taken over');
  assert.deepEqual([(await now()).title, (await now()).timeLimitMinutes], ['Another title', 80]);
  await other.getByLabel('Time limit').fill('90');
  await other.locator('#save[data-state="conflict"]').waitFor();
  await other.getByRole('button', { name: 'Compare, then choose' }).click();
  await axe(other, 'two versions of the settings');
  await other.getByText(/You changed the settings in another tab at \d\d:\d\d\./).waitFor();
  await other.getByRole('button', { name: 'Keep mine' }).click();
  await saved(other);
  assert.equal((await now()).timeLimitMinutes, 90);
  const undo = other.locator('.toast').getByRole('button', { name: 'Undo' });
  await undo.click();
  await undo.waitFor({ state: 'detached' });
  assert.deepEqual([(await now()).timeLimitMinutes, await other.getByLabel('Time limit').inputValue()], [80, '80'], 'theirs is had back');
});

test('publishing lists every reason against it, says what will happen, and shows the link', async (t) => {
  const { page, a, open } = await stage(t, [choice('Ready'), choice('Not ready', { answerKey: undefined }), choice('Nor this', { answerKey: undefined })]);
  const publish = page.locator('.top').getByRole('button', { name: 'Publish version 1' });
  await publish.click();
  const dialog = page.getByRole('dialog', { name: '2 things are missing first' });
  await dialog.waitFor();
  await axe(page, 'not ready');
  assert.equal(await dialog.getByRole('listitem').count(), 2);
  await dialog.getByRole('link', { name: 'Question 3' }).click();
  await title(page, 'Question 3');
  await page.locator('#q').focus();
  await page.keyboard.press('1');
  await saved(page);
  await page.locator('#ready').getByRole('link', { name: /^Question 2/ }).click();
  await title(page, 'Question 2');
  await page.locator('#q').focus();
  await page.keyboard.press('1');
  await saved(page);
  await page.getByText('All 3 questions have their answers').waitFor();

  // The limit: three others are active, and one of them makes room.
  for (const name of ['One', 'Two', 'Three']) {
    const b = await ask('POST', '/assessments', { title: name });
    await ask('POST', `/assessments/${b.id}/questions`, choice('Q'));
    await ask('POST', `/assessments/${b.id}/publish`);
  }
  await publish.click();
  const full = page.getByRole('dialog', { name: '3 of 3 assessments are active' });
  await full.waitFor();
  await axe(page, 'at the limit');
  await full.getByRole('listitem').filter({ hasText: 'Two' }).getByRole('button', { name: 'Close it' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Close it' }).click();
  const ready = page.getByRole('dialog', { name: 'Publish version 1?' });
  await ready.waitFor();
  await axe(page, 'about to publish');
  await ready.getByRole('button', { name: 'Publish version 1' }).click();
  const live = page.getByRole('dialog', { name: 'Version 1 is live' });
  await live.waitFor();
  await axe(page, 'published');
  const now = await ask('GET', `/assessments/${a.id}`);
  assert.equal(await live.getByLabel('Public link').inputValue(), now.publicUrl);
  assert.deepEqual([now.status, now.version], ['active', 1]);
  assert.equal(await live.getByRole('link', { name: 'Invite people' }).getAttribute('href'), `/app/assessments/${a.id}/invites`);
  await live.getByRole('button', { name: 'Stay here' }).click();
  await page.getByText('Version 1 is published and cannot change.').waitFor();
  assert.equal(await page.locator('[data-range-for]').evaluate((el) => el.style.getPropertyValue('--v')), '60%', 'the slider is still filled');
  await page.getByText('Times are in your zone, Europe/Oslo.').waitFor();
  await page.locator('.top').getByRole('button', { name: 'Published' }).click();
  await live.getByText('there is nothing to publish').waitFor();
  await live.getByRole('button', { name: 'Close' }).click();
  await page.locator('#q-prompt').fill('Not ready, edited');
  await saved(page);
  await page.getByRole('button', { name: 'See 1 change' }).click();
  await page.getByText('1 question fits').waitFor();

  // What is published is what a stranger gets by the link, and the version's page still says it.
  const stranger = await open();
  await stranger.context().clearCookies();
  await stranger.goto(now.publicUrl.replace(s.url, ''));
  await stranger.getByText('Backend engineer').first().waitFor();
  await page.goto(`/app/assessments/${a.id}/versions/1`);
  await page.getByText('Not ready', { exact: true }).waitFor();
  await axe(page, 'a version');
  await page.goto(`/app/assessments/${a.id}/versions`);
  await axe(page, 'versions');
});

test('ten thousand questions are as quick to write in as ten', async (t) => {
  const { page, a, at } = await stage(t);
  await s.sql(`WITH made AS (
      INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at)
      SELECT gen_random_uuid(), a.employer_id, a.id, n, 'true_false', 'Number ' || n, now(), now()
        FROM assessments a, generate_series(1, 10000) n WHERE a.id = '${a.id}' RETURNING id, employer_id)
    INSERT INTO answer_keys (question_id, employer_id, key) SELECT id, employer_id, '{"value": true}' FROM made`);
  await page.goto(at);
  const lines = page.locator('#ql li[data-id]');
  assert.equal(await lines.count(), 100);
  await lines.nth(99).scrollIntoViewIfNeeded();
  await lines.nth(150).waitFor();
  await page.getByLabel('Find a question').fill('Number 9876');
  await page.getByText('1 question fits').waitFor();
  await lines.first().locator('a').click();
  await title(page, 'Question 9876');
  await page.getByRole('button', { name: 'More for this question' }).click();
  await page.getByRole('button', { name: 'Move to a place' }).click();
  await page.getByLabel('New place').fill('3');
  await Promise.all([page.waitForResponse((r) => r.request().method() === 'PUT' && r.ok()), page.keyboard.press('Enter')]);
  await title(page, 'Question 3');
  await page.locator('#q-prompt').fill('Moved up and mended');
  await saved(page);
  const { items } = await ask('GET', `/assessments/${a.id}/questions?limit=4`);
  assert.deepEqual(items.map((q) => q.prompt), ['Number 1', 'Number 2', 'Moved up and mended', 'Number 3']);
});

// cut gives the controls that are wider than the place they have.
const cut = (page, selector) => page.locator(selector).evaluateAll((all) => all
  .filter((el) => el.scrollWidth > el.clientWidth + 1 || el.getBoundingClientRect().right > el.parentElement.getBoundingClientRect().right + 1).map((el) => el.outerHTML.slice(0, 120)));

test('the editor fits every window, both themes, its weight, and stays where it is', async (t) => {
  const { page, open, at } = await stage(t, [choice('With `code`\n\n```go\nfunc main() {}\n```'), choice('Two', { answerKey: undefined })]);
  for (const [width, height] of [[320, 640], [390, 844], [900, 700], [1100, 800], [1250, 720], [1280, 720], [1400, 900], [1440, 900], [3840, 2160]]) {
    await page.setViewportSize({ width, height });
    for (const path of [at, `${at}/preview`, `${at}/versions`]) {
      await page.goto(path);
      await noSideways(page, `${path} at ${width}`);
      if (path === at && width > 900) assert.deepEqual(await cut(page, '.qtype, .props .seg, .props .stepper'), [], `nothing is cut off at ${width}`);
    }
  }
  const dark = await open({ theme: 'dark', width: 390, height: 844 });
  await dark.goto(at);
  await axe(dark, 'editor, dark and narrow');
  await dark.getByRole('button', { name: /^Question 1 of 2/ }).click();
  await dark.locator('#ql').waitFor();
  await axe(dark, 'the list on a phone');
  await dark.goto(`${at}/preview`);
  await axe(dark, 'preview, dark and narrow');
  await page.setViewportSize({ width: 1440, height: 900 });
  const moved = await shifts(page);
  const w = await weigh(page, () => page.goto(at));
  assert.ok(w.document + w.stylesheet + w.script <= 150_000 && w.script <= 80_000, JSON.stringify(w));
  assert.ok((await moved()) <= 0.02, `the layout moves by ${await moved()}`);
});

test('words without a space widen no page', async (t) => {
  const long = 'Donaudampfschifffahrtsgesellschaft'.repeat(20);
  const { page, a, at } = await stage(t, [choice(long, {
    options: [{ id: 'a', text: long }, { id: 'b', text: `\`${long}\`` }], tags: ['t'.repeat(60), 'u'.repeat(60)], difficulty: 'd'.repeat(60), explanation: `\`\`\`\n${long}\n\`\`\``,
  })]);
  await ask('PATCH', `/assessments/${a.id}`, { title: long.slice(0, 200) }, { headers: { 'If-Match': '*' } });
  const { items: active } = await ask('GET', '/assessments?status=active'); // of the tests before this one
  for (const { id } of active) await ask('POST', `/assessments/${id}/close`);
  await ask('POST', `/assessments/${a.id}/publish`);
  for (const width of [320, 390, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of [at, `${at}/preview`, `${at}/versions`, `${at}/versions/1`, '/app/assessments', '/app/activity']) {
      await page.goto(path);
      await noSideways(page, `${path} at ${width}`);
    }
  }
  await page.goto('/app/assessments');
  const table = page.getByRole('region', { name: 'Assessments table' });
  assert.ok(await table.evaluate((el) => el.scrollWidth <= el.clientWidth), 'a long title leaves the other columns in sight');
});

test('the only question is deleted, and had back', async (t) => {
  const { page, list } = await stage(t, [choice('The only one')]);
  await title(page, 'Question 1');
  await page.getByRole('button', { name: 'Delete question' }).press('Enter');
  await page.getByRole('heading', { name: 'Write the first question' }).waitFor();
  await page.locator('.toast').filter({ hasText: 'Question 1 is deleted.' }).waitFor();
  assert.equal((await focused(page)).name, 'New question');
  assert.deepEqual(await list(), []);
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).press('Enter');
  await title(page, 'Question 1');
  await page.locator('.toast').waitFor({ state: 'detached' });
  assert.equal((await focused(page)).id, 'q');
  assert.deepEqual((await list()).map((q) => [q.prompt, q.answerKey.optionId === q.options[0].id]), [['The only one', true]]);
});
