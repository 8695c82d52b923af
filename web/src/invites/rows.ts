// What is done with single invites and with many: extra time, another expiry, sending again, revoking.

import { call, Problem } from '../lib/api.ts';
import { confirm, openDialog } from '../lib/dialog.ts';
import { on } from '../lib/dom.ts';
import { anchor } from '../lib/focus.ts';
import { clearErrors, mark, renew, sentence, showErrors } from '../lib/form.ts';
import { toast } from '../lib/toast.ts';

const parallel = 4; // requests at once
const maxNamed = 8; // people that a question names

const $ = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

type Act = (id: string) => Promise<unknown>;

let chosen: HTMLElement[] = []; // the rows that the open dialog is about
let settle = (): void => undefined; // what a lost focus goes back to

const ticks = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>('[data-tick]')];
const ticked = (): HTMLElement[] => ticks().filter((t) => t.checked).map((t) => t.closest<HTMLElement>('[data-invite]')).filter((r) => r !== null);
const able = (rows: HTMLElement[], what: string): HTMLElement[] => rows.filter((r) => r.hasAttribute(`data-${what}`));
const people = (n: number): string => (n === 1 ? '1 invite' : `${n} invites`);
const names = (rows: HTMLElement[]): string => {
  const all = rows.map((r) => r.dataset.who ?? '');
  return all.length > maxNamed ? `${all.slice(0, maxNamed).join(', ')} and ${all.length - maxNamed} more` : all.join(', ');
};

export function startRows(): void {
  document.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.id === 'tick-all') for (const t of ticks()) t.checked = target.checked;
    if (target.id === 'tick-all' || target.hasAttribute('data-tick')) count();
  });
  document.addEventListener('page:refresh', count);
  on('click', '[data-one]', (button) => {
    const row = button.closest<HTMLElement>('[data-invite]');
    settle = anchor(button);
    if (row) open(button.dataset.one ?? '', [row]);
  });
  on('click', '[data-bulk]', (button) => {
    settle = anchor(button, 'tick-all');
    void bulk(button.dataset.bulk ?? '').then(settle);
  });
  for (const id of ['time-dialog', 'extend-dialog']) document.getElementById(id)?.addEventListener('close', () => settle());
  startTime();
  startExtend();
}

function count(): void {
  const n = ticked().length;
  const bar = document.getElementById('bulk');
  if (!bar) return;
  bar.hidden = n === 0;
  const said = bar.querySelector('[data-bulk-count]');
  if (said) said.textContent = `${n} selected`;
  const all = document.getElementById('tick-all');
  if (all instanceof HTMLInputElement) {
    all.checked = n > 0 && n === ticks().length;
    all.indeterminate = n > 0 && n < ticks().length;
  }
}

async function bulk(what: string): Promise<void> {
  if (what === 'clear') {
    for (const t of ticks()) t.checked = false;
    count();
    return;
  }
  const rows = able(ticked(), what);
  if (rows.length === 0) {
    toast('None of those selected allows that: they have ended.', { tone: 'warn' });
    return;
  }
  const skipped = ticked().length - rows.length;
  const also = skipped ? `\n${people(skipped)} of those selected cannot be, and ${skipped === 1 ? 'is' : 'are'} left out.` : '';
  if (what === 'time' || what === 'extend') open(what, rows);
  else if (what === 'resend') {
    const body = `Each of them gets the mail with the same link once more: ${names(rows)}.${also}`;
    if (await confirm({ title: `Send ${people(rows.length)} again?`, body, action: `Send ${people(rows.length)}`, keep: 'Do not send', danger: false })) {
      await each(rows, (id) => call('POST', `/api/v1/invites/${id}/resend`, {}), 'sent again');
    }
  } else if (what === 'revoke') {
    const body = `Their links stop working now: ${names(rows)}.\nNone of them has started, so no answers are lost. They are not e-mailed about it.${also}`;
    if (await confirm({ title: `Revoke ${people(rows.length)}?`, body, action: `Revoke ${people(rows.length)}`, keep: 'Keep them' })) {
      await each(rows, (id) => call('POST', `/api/v1/invites/${id}/revoke`, {}), 'revoked');
    }
  }
}

// each does one thing with every row, a few at a time, and says how it went. It gives how many went well.
async function each(rows: HTMLElement[], act: Act, done: string): Promise<number> {
  const left = [...rows];
  const failures: string[] = [];
  let good = 0;
  const worker = async (): Promise<void> => {
    for (let row = left.shift(); row; row = left.shift()) {
      try {
        await act(row.dataset.invite ?? '');
        good++;
      } catch (err) {
        if (!(err instanceof Problem)) throw err;
        failures.push(`${row.dataset.who}: ${sentence(err)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, rows.length) }, worker));
  for (const t of ticks()) t.checked = false;
  await renew();
  count();
  if (failures.length === 0) toast(rows.length === 1 ? `${rows[0]?.dataset.who}: ${done}` : `${people(good)} ${done}`);
  else toast(`${good} ${done}, ${failures.length} not. ${failures.slice(0, 2).join(' ')}`, { tone: 'bad' });
  return good;
}

function open(what: string, rows: HTMLElement[]): void {
  chosen = rows;
  const who = rows.length === 1 ? rows[0]?.dataset.who ?? '' : people(rows.length);
  if (what === 'time') {
    $('time-h').textContent = `Extra time for ${who}`;
    setPercent(rows.length === 1 ? rows[0]?.dataset.extra ?? '0' : '25');
    $<HTMLInputElement>('time-reason').value = '';
    clearErrors($<HTMLFormElement>('time-form'));
    openDialog('time-dialog');
  } else if (what === 'extend') {
    $('extend-h').textContent = `Another expiry for ${who}`;
    const from = Math.max(Date.now(), Date.parse(rows[0]?.dataset.expires ?? '') || 0);
    $<HTMLInputElement>('extend-until').value = local(new Date(from + 7 * 24 * 60 * 60_000));
    clearErrors($<HTMLFormElement>('extend-form'));
    openDialog('extend-dialog');
  }
}

// local is a moment as a datetime-local field holds it: in the viewer's zone, to the minute.
function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function setPercent(percent: string): void {
  const radios = [...document.querySelectorAll<HTMLInputElement>('#time-form [name="percent"]')];
  const known = radios.find((r) => r.value === percent && percent !== '0') ?? radios.find((r) => r.value === (percent === '0' ? '25' : 'other'));
  if (known) known.checked = true;
  $<HTMLInputElement>('time-percent').value = known?.value === 'other' ? percent : '';
  total();
}

function percent(): number {
  const choice = document.querySelector<HTMLInputElement>('#time-form [name="percent"]:checked')?.value ?? '0';
  const text = choice === 'other' ? $<HTMLInputElement>('time-percent').value.trim() : choice;
  return text === '' ? NaN : Number(text);
}

const fits = (n: number): boolean => Number.isInteger(n) && n >= 0 && n <= 300;

function total(): void {
  const other = document.querySelector<HTMLInputElement>('#time-form [value="other"]')?.checked ?? false;
  $('time-other').hidden = !other;
  const limit = Number($('time-dialog').dataset.limit);
  const n = percent();
  const seconds = Math.round(limit * 60 * (1 + n / 100));
  const rest = seconds % 60;
  $('time-total').textContent = fits(n) ? `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ''}` : '–';
}

function startTime(): void {
  const form = document.getElementById('time-form');
  if (!(form instanceof HTMLFormElement)) return;
  form.addEventListener('input', total);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearErrors(form);
    const n = percent();
    const reason = $<HTMLInputElement>('time-reason');
    if (!fits(n)) return wrong($<HTMLInputElement>('time-percent'), 'Give a whole number from 0 to 300.');
    if (reason.value.trim() === '') return wrong(reason, 'Say why: it is kept with your name.');
    void save(form, (id) => call('PATCH', `/api/v1/invites/${id}`, { extraTimePercent: n, reason: reason.value }), 'extra time saved');
  });
}

function startExtend(): void {
  const form = document.getElementById('extend-form');
  if (!(form instanceof HTMLFormElement)) return;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearErrors(form);
    const field = $<HTMLInputElement>('extend-until');
    const at = new Date(field.value);
    if (Number.isNaN(at.getTime()) || at.getTime() <= Date.now()) return wrong(field, 'Choose a time in the future.');
    const mail = document.getElementById('extend-mail');
    const again = mail instanceof HTMLInputElement && mail.checked;
    void save(form, async (id) => {
      await call('PATCH', `/api/v1/invites/${id}`, { expiresAt: at.toISOString() });
      if (again) await call('POST', `/api/v1/invites/${id}/resend`, {});
    }, again ? 'extended and sent again' : 'extended');
  });
}

function wrong(field: HTMLInputElement, message: string): void {
  mark(field, message);
  field.focus();
}

// save keeps the dialog open when the one that it is about is refused, so that what was typed can be mended.
async function save(form: HTMLFormElement, act: Act, done: string): Promise<void> {
  const only = chosen.length === 1 ? chosen[0] : undefined;
  if (only) {
    try {
      await act(only.dataset.invite ?? '');
    } catch (err) {
      if (!(err instanceof Problem)) throw err;
      showErrors(form, err);
      return;
    }
    form.closest('dialog')?.close();
    await renew();
    settle();
    toast(`${only.dataset.who}: ${done}`);
    return;
  }
  form.closest('dialog')?.close();
  await each(chosen, act, done);
  settle();
}
