// Native dialogs: opened by data-dialog="ID", closed by data-close, by Escape, or by a press beside them.

import { el, on, uid } from './dom.ts';

export function openDialog(which: string | HTMLDialogElement): HTMLDialogElement {
  const dialog = typeof which === 'string' ? document.getElementById(which) : which;
  if (!(dialog instanceof HTMLDialogElement)) throw new Error(`There is no dialog ${String(which)}.`);
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export interface ConfirmOptions {
  title: string;
  body?: string;
  action: string; // names the result: "Close it"
  keep?: string; // and its opposite: "Keep it open"
  danger?: boolean;
  typed?: string; // must be typed before the action can be taken
}

// confirm asks once. The focus is on the safe choice, and returns to where it was.
export function confirm(opts: ConfirmOptions): Promise<boolean> {
  const title = uid('confirm');
  const keep = el('button', { class: 'btn', type: 'submit', value: 'keep', autofocus: true }, opts.keep ?? 'Cancel');
  const act = el('button', { class: opts.danger === false ? 'btn primary' : 'btn danger', type: 'submit', value: 'act' }, opts.action);
  const body = el('div', { class: 'body stack snug', id: `${title}-body` });
  for (const line of (opts.body ?? '').split('\n').filter(Boolean)) body.append(el('p', {}, line));
  if (opts.typed) body.append(typedField(opts.typed, act));
  const form = el('form', { method: 'dialog' },
    el('header', {}, el('h2', { id: title }, opts.title)), body, el('footer', {}, keep, act));
  const dialog = el('dialog', { class: 'dialog', role: 'alertdialog', 'aria-labelledby': title, 'aria-describedby': body.id }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      rescueToasts(dialog);
      dialog.remove();
      resolve(dialog.returnValue === 'act');
    });
    dialog.showModal();
  });
}

function typedField(wanted: string, act: HTMLButtonElement): HTMLElement {
  const id = uid('typed');
  const input = el('input', { class: 'input', id, autocomplete: 'off', spellcheck: 'false' });
  const fits = () => { act.disabled = input.value.trim() !== wanted; };
  input.addEventListener('input', fits);
  fits();
  return el('div', { class: 'field' }, el('label', { class: 'label', for: id }, `Type ${wanted} to go on`), input);
}

function rescueToasts(dialog: HTMLDialogElement): void {
  const shelf = document.getElementById('toasts');
  if (shelf && dialog.contains(shelf)) document.body.append(shelf);
}

export function startDialogs(): void {
  on('click', '[data-dialog]', (button) => { openDialog(button.dataset.dialog ?? ''); });
  on('click', '[data-close]', (button) => button.closest('dialog')?.close());
  // A press on the backdrop has the dialog itself as its target. One that holds unsaved text stays.
  document.addEventListener('pointerdown', ({ target, clientX: x, clientY: y }) => {
    if (!(target instanceof HTMLDialogElement) || target.getAttribute('role') === 'alertdialog') return;
    const { left, right, top, bottom } = target.getBoundingClientRect();
    const beside = x < left || x > right || y < top || y > bottom;
    if (beside && !holdsText(target)) target.close();
  });
  document.addEventListener('close', ({ target }) => { if (target instanceof HTMLDialogElement) rescueToasts(target); }, true);
}

function holdsText(dialog: HTMLDialogElement): boolean {
  return [...dialog.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')].some((f) => f.value !== f.defaultValue);
}
