// Menus are popovers: the browser opens and closes them. Here they are placed beside their button and get arrow keys.

const gap = 4;
const edge = 8;

export function startMenus(): void {
  document.addEventListener('toggle', (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.matches('.menu[popover]')) return;
    const button = opener(menu);
    const open = (event as ToggleEvent).newState === 'open';
    button?.setAttribute('aria-expanded', String(open));
    if (!open) return;
    if (button) place(menu, button);
    items(menu)[0]?.focus();
  }, true);
  document.addEventListener('keydown', move);
  // Choosing closes the menu; the focus goes back to the button, which the browser sees to.
  document.addEventListener('click', ({ target }) => {
    const item = target instanceof Element ? target.closest('.menu[popover] :is(a, button)') : null;
    item?.closest<HTMLElement>('.menu[popover]')?.hidePopover();
  });
  const close = () => document.querySelectorAll<HTMLElement>('.menu[popover]:popover-open').forEach((m) => m.hidePopover());
  addEventListener('resize', close);
}

const opener = (menu: HTMLElement): HTMLElement | null =>
  document.querySelector<HTMLElement>(`[popovertarget="${CSS.escape(menu.id)}"]`);

const items = (menu: HTMLElement): HTMLElement[] =>
  [...menu.querySelectorAll<HTMLElement>('a[href], button:not(:disabled)')];

// place puts the menu under its button, or above it where there is more room, and inside of the window.
export function place(menu: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + gap + height <= innerHeight - edge || at.top < innerHeight - at.bottom;
  const top = below ? at.bottom + gap : at.top - gap - height;
  const rtl = getComputedStyle(button).direction === 'rtl';
  const wide = at.left + width > innerWidth - edge;
  const left = rtl !== wide ? at.right - width : at.left;
  menu.style.top = `${Math.max(edge, Math.min(top, innerHeight - edge - height))}px`;
  menu.style.left = `${Math.max(edge, Math.min(left, innerWidth - edge - width))}px`;
}

function move(event: KeyboardEvent): void {
  const menu = event.target instanceof Element ? event.target.closest<HTMLElement>('.menu[popover]') : null;
  if (!menu) return;
  const all = items(menu);
  const here = all.indexOf(document.activeElement as HTMLElement);
  const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined || all.length === 0) return;
  event.preventDefault();
  all.at(next % all.length)?.focus();
}
