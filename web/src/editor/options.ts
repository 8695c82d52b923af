import { newKey } from '../lib/api.ts';
import { bindOrder } from './reorder.ts';
import { say } from './part.ts';
import { show } from './markdown.ts';

// The options of a choice question: written in place, marked, added, removed and reordered.

const most = 20;

export const rows = (pane: HTMLElement): HTMLElement[] => [...pane.querySelectorAll<HTMLElement>('[data-options] > [data-option]')];

export const markOf = (row: HTMLElement): HTMLInputElement => row.querySelector<HTMLInputElement>('input[name="right"]')!;

export const textOf = (row: HTMLElement): HTMLTextAreaElement => row.querySelector<HTMLTextAreaElement>('[data-text]')!;

const letter = (i: number): string => String.fromCharCode(65 + i);

/** Nobody has written it yet: it is the text that a new question comes with. */
const unwritten = (field: HTMLTextAreaElement): boolean => /^(?:Option [A-Z])?$/.test(field.value.trim());

/** relabel gives each row the letter of its place. */
export function relabel(pane: HTMLElement): void {
  rows(pane).forEach((row, i) => {
    const name = `Option ${letter(i)}`;
    row.querySelector('[data-grip]')?.setAttribute('aria-label', `Move option ${letter(i)}`);
    row.querySelector('[data-right-label]')!.textContent = `${name} is correct`;
    row.querySelector('[data-remove-option]')?.setAttribute('aria-label', `Remove option ${letter(i)}`);
    textOf(row).setAttribute('aria-label', name);
  });
}

/** paint shows which rows are marked. */
export function paint(pane: HTMLElement): void {
  for (const row of rows(pane)) row.classList.toggle('on', markOf(row).checked);
}

/** setMultiple lets one or several be marked. */
export function setMultiple(pane: HTMLElement, multiple: boolean): void {
  for (const row of rows(pane)) {
    const mark = markOf(row);
    const checked = mark.checked; // a radio button takes the mark of the others away as soon as it is one
    mark.type = multiple ? 'checkbox' : 'radio';
    mark.checked = checked;
  }
  const label = pane.querySelector('[data-answers-label]');
  if (label) label.textContent = multiple ? 'Answers, tick every correct one' : 'Answers, pick the correct one';
  paint(pane);
}

/** addRow puts an empty row after another one, or at the end; null where there are 20. */
export function addRow(pane: HTMLElement, after?: HTMLElement): HTMLElement | null {
  const list = pane.querySelector<HTMLElement>('[data-options]')!;
  if (rows(pane).length >= most) {
    say('A question has at most 20 options.');
    return null;
  }
  const shape = document.querySelector<HTMLTemplateElement>('#option-row')!.content.firstElementChild!;
  const row = shape.cloneNode(true) as HTMLElement;
  row.dataset.option = `new-${newKey()}`;
  const mark = markOf(row);
  mark.type = pane.dataset.type === 'multiple_choice' ? 'checkbox' : 'radio';
  mark.checked = false;
  textOf(row).value = '';
  row.querySelector<HTMLElement>('[data-md-out]')!.hidden = true;
  if (after) after.after(row);
  else list.append(row);
  relabel(pane);
  return row;
}

/** bindOptions makes the rows work; changed is called after each change. */
export function bindOptions(pane: HTMLElement, changed: () => void): void {
  const list = pane.querySelector<HTMLElement>('[data-options]')!;
  pane.addEventListener('click', (e) => {
    const at = e.target as Element;
    if (at.closest('[data-add-option]')) {
      const row = addRow(pane);
      if (row) textOf(row).focus();
    }
    const remove = at.closest('[data-remove-option]');
    if (remove) {
      const row = remove.closest<HTMLElement>('[data-option]')!;
      const near = (row.nextElementSibling ?? row.previousElementSibling) as HTMLElement | null;
      row.remove();
      relabel(pane);
      if (near) textOf(near).focus();
      else pane.querySelector<HTMLElement>('[data-add-option]')?.focus();
      changed();
    }
  });
  list.addEventListener('change', (e) => {
    if ((e.target as Element).matches('input[name="right"]')) paint(pane);
  });
  list.addEventListener('keydown', (e) => {
    const field = e.target as HTMLTextAreaElement;
    if (!field.matches('[data-text]') || e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault(); // Enter goes on to the next option; Shift and Enter writes a new line
    const row = field.closest<HTMLElement>('[data-option]')!;
    const next = (row.nextElementSibling as HTMLElement | null) ?? addRow(pane);
    if (next) textOf(next).focus();
  });
  list.addEventListener('focusin', (e) => { // so that typing replaces it, by keyboard as in any field that Tab comes to
    if (e.target instanceof HTMLTextAreaElement && e.target.matches('[data-text]') && unwritten(e.target)) e.target.select();
  });
  list.addEventListener('paste', (e) => pasteLines(pane, e, changed));
  bindOrder(list, {
    item: '[data-option]',
    name: (row) => `Option ${letter(rows(pane).indexOf(row))}`,
    total: () => rows(pane).length,
    place: (row) => rows(pane).indexOf(row) + 1,
    renamed: () => relabel(pane),
    moved: () => {
      relabel(pane);
      changed();
    },
  });
}

/** Several lines pasted into an option that is not written yet are several options: that is how lists come out of other programs. */
function pasteLines(pane: HTMLElement, e: ClipboardEvent, changed: () => void): void {
  const field = e.target as HTMLTextAreaElement;
  const list = (e.clipboardData?.getData('text/plain') ?? '').split(/\r?\n/).map((l) => l.trim()).filter(Boolean);
  if (!field.matches('[data-text]') || !unwritten(field) || list.length < 2) return;
  e.preventDefault();
  let row: HTMLElement | null = field.closest<HTMLElement>('[data-option]');
  list.forEach((text, i) => {
    if (i > 0) row = row && addRow(pane, row);
    if (!row) return;
    textOf(row).value = text;
    void show(textOf(row));
  });
  changed();
}
