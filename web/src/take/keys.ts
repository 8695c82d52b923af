/** What single keys do. */
export interface KeyActs {
  on(): boolean;
  choose(n: number): void;
  flag(): void;
  move(by: 1 | -1): void;
  list(): void;
}

const typed = 'input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]';

/** Listens for single keys, outside of fields and dialogs alone; one switch takes all of them away. */
export function listenKeys(acts: KeyActs): void {
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || e.isComposing || !acts.on()) return;
    const target = e.target instanceof Element ? e.target : null;
    if (target?.closest(typed) || document.querySelector('dialog[open]')) return;
    if (act(e.key, acts)) e.preventDefault();
  });
}

function act(key: string, acts: KeyActs): boolean {
  const forward = document.documentElement.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  switch (key) {
    case 'ArrowLeft': case 'ArrowRight':
      acts.move(key === forward ? 1 : -1);
      return true;
    case 'f': case 'F':
      acts.flag();
      return true;
    case '?':
      acts.list();
      return true;
  }
  if (!/^[1-9]$/.test(key)) return false;
  acts.choose(Number(key));
  return true;
}
