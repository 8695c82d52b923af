// data-copy="TEXT" copies it; data-copy-from="ID" copies what that element shows. The button says so for a moment.

import { on } from './dom.ts';
import { toast } from './toast.ts';

const moment = 2_000; // milliseconds

export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // The clipboard is there only over HTTPS; a server tried out over plain HTTP has this way alone.
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'sr';
  (document.querySelector('dialog[open]:modal') ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('The browser did not allow copying.');
}

export function startCopy(): void {
  on('click', '[data-copy], [data-copy-from]', async (button) => {
    const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
    const text = source ? (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement ? source.value : source.textContent ?? '') : button.dataset.copy ?? '';
    try {
      await copy(text);
    } catch {
      toast('The browser did not allow copying. Select the text and copy it by hand.', { tone: 'warn' });
      return;
    }
    said(button);
  });
}

const words = new WeakMap<HTMLElement, { text: string; timer: number }>();

function said(button: HTMLElement): void {
  const label = [...button.childNodes].reverse().find((n) => n.nodeType === Node.TEXT_NODE && n.textContent?.trim());
  if (!label) {
    toast('Copied');
    return;
  }
  const before = words.get(button);
  if (before) clearTimeout(before.timer);
  const text = before?.text ?? label.textContent ?? '';
  label.textContent = 'Copied';
  button.setAttribute('aria-live', 'polite');
  words.set(button, { text, timer: window.setTimeout(() => { label.textContent = text; words.delete(button); }, moment) });
}
