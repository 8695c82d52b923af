// A toast tells of something that is off the screen, or offers to take it back. It stays while it is looked at.

import { el, icon } from './dom.ts';

export interface ToastOptions {
  undo?: () => Promise<void>;
  tone?: 'ok' | 'warn' | 'bad';
  action?: { label: string; run: () => void };
}

const stay = 8_000; // milliseconds
const most = 3;
const icons = { ok: 'check', warn: 'alert', bad: 'alert' } as const;

export function toast(message: string, opts: ToastOptions = {}): void {
  const tone = opts.tone ?? 'ok';
  const box = el('div', { class: 'toast' }, el('div', {}, message));
  const mark = icon(icons[tone]);
  mark.classList.add(`t-${tone}`);
  box.prepend(mark);
  let timer = 0;
  let from: Element | null = null; // where the focus was before it came into the toast, and goes back to
  const close = () => {
    clearTimeout(timer);
    const held = box.contains(document.activeElement);
    box.remove();
    if (held) giveBack(from);
  };
  const wait = () => {
    clearTimeout(timer);
    timer = window.setTimeout(close, stay);
  };
  const hold = () => clearTimeout(timer);
  if (opts.undo) box.append(undoButton(opts.undo, close, hold));
  if (opts.action) {
    const run = el('button', { class: 'btn sm', type: 'button' }, opts.action.label);
    run.addEventListener('click', () => { close(); opts.action?.run(); });
    box.append(run);
  }
  const shut = el('button', { class: 'btn icon ghost sm', type: 'button', 'aria-label': 'Dismiss' }, icon('x'));
  shut.addEventListener('click', close);
  box.append(shut);
  box.addEventListener('pointerenter', hold);
  box.addEventListener('pointerleave', () => { if (!box.contains(document.activeElement)) wait(); });
  box.addEventListener('focusin', ({ relatedTarget }) => {
    hold();
    if (relatedTarget instanceof Element && !box.contains(relatedTarget)) from = relatedTarget;
  });
  box.addEventListener('focusout', wait);
  const shelf = place();
  shelf.append(box);
  while (shelf.children.length > most) shelf.firstElementChild?.remove();
  wait();
}

function giveBack(to: Element | null): void {
  if (to instanceof HTMLElement) to.focus({ preventScroll: true });
  if (!to || document.activeElement !== to) document.getElementById('main')?.focus({ preventScroll: true }); // it is gone, or hidden
}

function undoButton(undo: () => Promise<void>, close: () => void, hold: () => void): HTMLButtonElement {
  const button = el('button', { class: 'btn sm', type: 'button' }, 'Undo');
  button.addEventListener('click', async () => {
    hold();
    button.setAttribute('aria-busy', 'true');
    try {
      await undo();
      close();
    } catch (err) {
      close();
      toast(err instanceof Error ? err.message : 'That could not be undone.', { tone: 'bad' });
    }
  }, { once: true });
  return button;
}

// A modal dialog hides what is outside of it from a screen reader and from the pointer, so the shelf moves into it.
function place(): HTMLElement {
  const shelf = document.getElementById('toasts') ?? el('div', { id: 'toasts', class: 'toasts', role: 'status', 'aria-live': 'polite' });
  const dialogs = document.querySelectorAll<HTMLDialogElement>('dialog[open]:modal');
  const home = dialogs[dialogs.length - 1] ?? document.body;
  if (shelf.parentElement !== home) home.append(shelf);
  return shelf;
}
