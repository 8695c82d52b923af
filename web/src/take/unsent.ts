import { copyText, text } from './dom.ts';
import type { Kept } from './types.ts';

/** What the list needs to name an answer. */
export interface Naming {
  number(kept: Kept): number;
  words(kept: Kept): string;
  title(number: number): string;
  empty: string;
  copy: string;
  copied: string;
}

/** Lists answers that the server does not have, each with a button that copies it. */
export function listUnsent(list: HTMLElement, kept: Kept[], naming: Naming): void {
  list.replaceChildren(...kept.map((k) => item(k, naming)));
}

function item(k: Kept, naming: Naming): HTMLElement {
  const number = naming.number(k);
  const words = k.answer === null ? '' : naming.words(k);
  const li = document.createElement('li');
  const name = document.createElement('b');
  name.textContent = naming.title(number);
  const said = document.createElement('span');
  said.className = 'grow unsent-text';
  said.dir = 'auto';
  said.textContent = words || naming.empty;
  li.append(name, said);
  if (words) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn sm';
    button.textContent = naming.copy;
    button.setAttribute('aria-label', `${naming.copy}, ${naming.title(number)}`);
    button.addEventListener('click', () => {
      void copyText(words).then((done) => {
        if (!done) return;
        text(button, naming.copied);
        button.setAttribute('aria-label', `${naming.copied}, ${naming.title(number)}`);
      });
    });
    li.append(button);
  }
  return li;
}
