// While somebody writes Markdown, the server shows what becomes of it, with the same code as for candidates.

const waiting = new WeakMap<Element, number>();
const asked = new WeakMap<Element, AbortController>();
const quiet = 300;

/** marked tells whether a text may have something in it that Markdown changes; without, the server need not be asked. */
export function marked(source: string): boolean {
  return /[`*_#[\]>~|\\<&]|\n\s*\n|^\s*(\d+[.)]|[-+])\s/m.test(source) || / {2}\n|^( {4}|\t)/m.test(source);
}

/** bindMarkdown shows the preview of every Markdown field of root. */
export function bindMarkdown(root: HTMLElement): void {
  root.addEventListener('input', (e) => {
    const field = e.target as HTMLTextAreaElement;
    if (!field.matches?.('[data-md], [data-md-inline]')) return;
    clearTimeout(waiting.get(field));
    waiting.set(field, window.setTimeout(() => void show(field), quiet));
  });
  root.addEventListener('click', (e) => {
    const button = (e.target as Element).closest<HTMLElement>('[data-format]');
    if (button) format(button);
  });
}

function outOf(field: HTMLElement): HTMLElement | null {
  if (field.dataset.md) return document.getElementById(field.dataset.md);
  return field.parentElement?.querySelector<HTMLElement>('[data-md-out]') ?? null;
}

/** show renders one field now. */
export async function show(field: HTMLTextAreaElement): Promise<void> {
  const out = outOf(field);
  if (!out) return;
  asked.get(field)?.abort();
  if (!marked(field.value)) {
    out.hidden = true;
    return;
  }
  const control = new AbortController();
  asked.set(field, control);
  const form = new URLSearchParams({ source: field.value });
  if (field.matches('[data-md-inline]')) form.set('inline', '1');
  try {
    const res = await fetch('/app/markdown', { method: 'POST', body: form, signal: control.signal });
    if (!res.ok || res.redirected) return;
    out.innerHTML = await res.text(); // made by the server's renderer, which lets no HTML of the source through
    out.hidden = repeats(out, field.value);
  } catch {
    // Offline or overtaken by the next key: the preview stays as it was, and what is typed is the saver's matter.
  }
}

/** repeats tells whether the preview says nothing that the field does not. */
function repeats(out: HTMLElement, source: string): boolean {
  if (out.textContent!.trim() === '' && !out.querySelector('img, hr')) return true; // an empty box tells nobody anything
  const only = out.childElementCount === 1 && out.firstElementChild!.matches('p:not(:has(*))');
  return (only || out.childElementCount === 0) && out.textContent!.trim() === source.trim();
}

function format(button: HTMLElement): void {
  const field = document.getElementById(button.dataset.formatFor ?? '') as HTMLTextAreaElement | null;
  if (!field || field.matches(':disabled')) return;
  const { selectionStart: from, selectionEnd: to } = field;
  const chosen = field.value.slice(from, to);
  const [before, after, empty] = wrap(button.dataset.format!, chosen);
  const text = chosen || empty;
  field.focus();
  field.setRangeText(before + text + after, from, to, 'end');
  field.setSelectionRange(from + before.length, from + before.length + text.length);
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

function wrap(kind: string, chosen: string): [string, string, string] {
  switch (kind) {
    case 'bold':
      return ['**', '**', 'bold'];
    case 'link':
      return ['[', '](https://)', 'link'];
  }
  return chosen.includes('\n') ? ['```\n', '\n```', 'code'] : ['`', '`', 'code'];
}
