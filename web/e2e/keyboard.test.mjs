// A whole journey by the keyboard alone: somebody registers, writes a question, publishes it, takes the test from the public link,
// reads the result and decides. No pointer, no field filled from outside: keys are pressed, and after each of them the focus stands
// on something, and can be seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, browser, focused, owner, server } from './lib.mjs';

// hands presses keys on a page, and looks where the focus is after each.
//   tabTo(name)        Tab until an element whose name begins so, or fits the pattern, has the focus; Shift+Tab with back: true
//   press(key)         one key, after which the focus must stand somewhere
//   type(text)         into what has the focus
function hands(page) {
  const look = async (after) => {
    const at = await standing(page);
    assert.notEqual(at.tag, 'body', `the focus is lost after ${after}, at ${page.url()}`);
    assert.ok(at.seen || at.place, `the focus on ${JSON.stringify(at)} cannot be seen after ${after}`);
    return at;
  };
  const tab = async (back) => {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    return standing(page);
  };
  return {
    look,
    async tabTo(name, { back = false, most = 80 } = {}) {
      const passed = [];
      for (let i = 0; i < most; i++) {
        const at = await tab(back);
        if (at.tag === 'body') continue; // past the end the browser's own bar has it
        assert.ok(at.seen, `the focus on ${JSON.stringify(at)} cannot be seen`);
        if (name instanceof RegExp ? name.test(at.label) : at.label.startsWith(name)) return at;
        passed.push(at.label);
      }
      return assert.fail(`Tab does not lead to ${name}: ${passed.join(' | ')}`);
    },
    async press(key) {
      await page.keyboard.press(key);
      return look(key);
    },
    // leave presses a key that leads to another page.
    async leave(key, url) {
      const gone = page.waitForURL(url);
      await page.keyboard.press(key);
      await gone;
      await page.locator('h1').first().waitFor({ state: 'attached' });
    },
    type: (text) => page.keyboard.type(text),
  };
}

// standing tells which element has the focus by its accessible name, and whether its ring can be seen. A place, such as the page's
// main part that the link past the navigation leads to, is read from and needs no ring.
async function standing(page) {
  const at = await focused(page);
  const [label, place] = await page.evaluate(() => {
    const el = document.activeElement;
    const said = el.getAttribute('aria-label') ?? [...(el.labels ?? [])].map((l) => l.innerText).join(' ');
    const named = (el.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean).map((id) => document.getElementById(id)?.innerText ?? '').join(' ');
    return [(said || named || (el.innerText ?? '')).replace(/\s+/g, ' ').trim().slice(0, 80), el.tabIndex < 0 && el.matches('main, h1, h2, [role], dialog')];
  });
  return { ...at, label, place };
}

test('from the first visit to a decision, by the keyboard alone', async (t) => {
  const s = await server(t);
  const { open } = await browser(t, { url: s.url, allow: [/422/] });
  const page = await open();
  await registers(page);
  await writes(page);
  await publishes(page);

  const ask = await api(s);
  const { items: [{ id, slug }] } = await ask('GET', '/assessments');
  await takes(await open(), `/a/${slug}`);
  await decides(page, id);

  const { items: [one] } = await ask('GET', `/assessments/${id}/submissions?decision=shortlist`);
  assert.deepEqual([one.candidate.name, one.score], ['Amara Lindqvist', 100]);
  assert.equal((await ask('GET', `/submissions/${one.id}`)).note, 'Call on Monday');
  const { items: [question] } = await ask('GET', `/assessments/${id}/questions`);
  assert.deepEqual([question.prompt, question.options.map((o) => o.text)], ['Which port does HTTPS use?', ['443', '80']]);
  await page.context().close();
});

async function registers(page) {
  const { tabTo, leave, type } = hands(page);
  await page.goto('/');
  await page.waitForURL('**/app/register');
  for (const [name, text] of [['Organization', owner.employer], ['Your name', owner.name], ['Work email', owner.email], ['Password', owner.password]]) {
    if (!(await standing(page)).label.startsWith(name)) await tabTo(name);
    await type(text);
  }
  await leave('Enter', '**/app/assessments');
}

async function writes(page) {
  const { tabTo, press, leave, type } = hands(page);
  await page.keyboard.press('n');
  await page.getByRole('dialog', { name: 'New assessment' }).waitFor();
  await type('Networking basics');
  await leave('Enter', /\/app\/assessments\/[0-9a-f-]{36}$/);
  await tabTo('Skip to content');
  await press('Enter');
  await tabTo('New question');
  await press('Enter');
  await page.locator('#q-prompt').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'q-prompt');
  await type('Which port does HTTPS use?');
  await tabTo(/^Option A$/);
  await type('443');
  await tabTo(/^Option B$/);
  await type('80');
  await tabTo('Option A is correct', { back: true });
  await press('Space');
  await page.locator('#save[data-state="saved"]').waitFor();
}

async function publishes(page) {
  const { tabTo, press, look } = hands(page);
  await tabTo('Publish version 1', { back: true });
  await press('Enter');
  await page.locator('#publish[open]').waitFor();
  await look('the dialog opens');
  if (!(await standing(page)).label.startsWith('Publish version 1')) await tabTo('Publish version 1');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Version 1 is live' }).waitFor();
  await look('it is published');
  await press('Escape');
}

async function takes(page, link) {
  const { tabTo, press, leave, look, type } = hands(page);
  await page.goto(link);
  await tabTo('Your name');
  await type('Amara Lindqvist');
  await tabTo('Your e-mail');
  await type('amara@example.com');
  await tabTo('I have read');
  await press('Space');
  await tabTo('Start, 30 minutes');
  await leave('Enter', '**/take');
  await page.locator('html[data-ready]').waitFor({ state: 'attached' });
  const place = await page.locator('#q1 .opt').filter({ hasText: '443' }).evaluate((el) => [...el.parentElement.querySelectorAll('.opt')].indexOf(el) + 1);
  await page.keyboard.press(String(place));
  await look('a choice by its number');
  await page.locator('[data-save]:not(.wait)').filter({ hasText: /^Saved/ }).waitFor();
  await tabTo('Review and submit');
  await press('Enter');
  await page.locator('#review').waitFor();
  await tabTo('Submit 1 answer');
  await leave('Enter', '**/take/result');
  await page.getByRole('heading', { name: 'Your answers are in' }).waitFor();
  await tabTo('Skip to content');
  await page.context().close();
}

async function decides(page, id) {
  const { tabTo, press, leave, look, type } = hands(page);
  await page.goto(`/app/assessments/${id}`);
  await tabTo('Results');
  await leave('Enter', '**/results');
  await tabTo('Amara Lindqvist');
  await leave('Enter', '**/app/submissions/**');
  await press('j');
  await press('Enter');
  await page.locator('details.answer[open]').first().waitFor();
  await tabTo('Shortlist');
  await press('Enter');
  await page.locator('button[aria-pressed="true"]', { hasText: 'Shortlist' }).waitFor();
  await look('the decision');
  await tabTo('Note');
  await type('Call on Monday');
  await tabTo('Save note and tags');
  await press('Enter');
  await page.locator('#toasts').getByText('Saved').waitFor();
  await look('the note');
}
