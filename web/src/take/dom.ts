/** The element of the page's own markup that the script cannot do without. */
export function must<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

export function every<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T[] {
  return [...within.querySelectorAll<T>(selector)];
}

/** Text that is set only when it is another one, so that nothing is announced or laid out again without a reason. */
export function text(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

export function dialog(id: string): HTMLDialogElement {
  return must<HTMLDialogElement>(`#${id}`);
}

export function openModal(d: HTMLDialogElement): void {
  if (!d.open) d.showModal();
}

/** A dialog that only its own buttons close. */
export function insist(d: HTMLDialogElement): void {
  d.addEventListener('cancel', (e) => e.preventDefault());
  d.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') e.preventDefault();
  });
}

export async function copyText(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    // The clipboard is there only over https. This way is older than that rule.
    const area = document.createElement('textarea');
    area.value = value;
    area.className = 'sr';
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
