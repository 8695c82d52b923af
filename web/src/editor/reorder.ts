import { say } from './part.ts';

// Reordering by pointer and by keyboard: Space lifts, arrows move, Space puts down, Esc puts back. It is always the neighbour
// that is moved in the document, never the item, which so keeps the focus and the pointer.

export interface Order {
  item: string; // selector of the items
  name(item: HTMLElement): string; // "Question 7"
  total(): number;
  place(item: HTMLElement): number; // from 1, as it stands in the list now
  moved(item: HTMLElement): void; // it was put down somewhere else
  renamed?(): void; // the order on the screen changed
}

interface Lifted {
  item: HTMLElement;
  begun: number; // its index among the items when it was lifted
}

export function bindOrder(list: HTMLElement, o: Order): void {
  let lifted: Lifted | null = null;

  const items = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>(o.item)];
  const lift = (item: HTMLElement): void => {
    lifted = { item, begun: items().indexOf(item) };
    item.classList.add('lifted');
    item.querySelector('[data-grip]')?.setAttribute('aria-pressed', 'true');
  };
  const drop = (): void => {
    if (!lifted) return;
    const { item, begun } = lifted;
    release();
    if (items().indexOf(item) === begun) return;
    o.moved(item);
  };
  const release = (): void => {
    lifted?.item.classList.remove('lifted');
    lifted?.item.querySelector('[data-grip]')?.removeAttribute('aria-pressed');
    lifted = null;
  };
  const cancel = (): void => {
    if (!lifted) return;
    const { item, begun } = lifted;
    while (items().indexOf(item) > begun && shift(item, -1, o.item));
    while (items().indexOf(item) < begun && shift(item, 1, o.item));
    release();
    o.renamed?.();
    say(`${o.name(item)} is back at place ${o.place(item)}.`);
  };

  list.addEventListener('keydown', (e) => {
    const grip = (e.target as Element).closest<HTMLElement>('[data-grip]');
    const item = grip?.closest<HTMLElement>(o.item);
    if (!grip || !item) return;
    if (e.key === ' ' || e.key === 'Enter') {
      e.preventDefault();
      if (!lifted) {
        lift(item);
        say(`${o.name(item)} lifted, place ${o.place(item)} of ${o.total()}. Arrows move it, Space puts it down, Escape puts it back.`);
      } else {
        say(`${o.name(item)} put down at place ${o.place(item)}.`);
        drop();
      }
      return;
    }
    if (!lifted) return;
    if (e.key === 'Escape') {
      e.preventDefault();
      cancel();
    } else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
      e.preventDefault();
      if (!shift(item, e.key === 'ArrowUp' ? -1 : 1, o.item)) return say(`${o.name(item)} is at the end of the list.`);
      o.renamed?.();
      item.scrollIntoView({ block: 'nearest' });
      say(`Place ${o.place(item)} of ${o.total()}.`);
    } else if (e.key === 'Tab') {
      cancel();
    }
  });
  list.addEventListener('focusout', (e) => {
    if (lifted && !pointer && (e.target as Element).closest('[data-grip]') && e.relatedTarget) cancel();
  });

  let pointer = 0;
  list.addEventListener('pointerdown', (e) => {
    const grip = (e.target as Element).closest<HTMLElement>('[data-grip]');
    const item = grip?.closest<HTMLElement>(o.item);
    if (!grip || !item || e.button !== 0) return;
    const from = e.clientY;
    pointer = e.pointerId;
    grip.setPointerCapture(pointer);
    const move = (m: PointerEvent): void => {
      if (!lifted && Math.abs(m.clientY - from) < 5) return;
      if (!lifted) lift(item);
      follow(item, m.clientY, o.item);
      o.renamed?.();
    };
    const end = (m: Event): void => {
      grip.removeEventListener('pointermove', move);
      grip.removeEventListener('pointerup', end);
      grip.removeEventListener('pointercancel', end);
      pointer = 0;
      if (!lifted) return;
      if (m.type === 'pointercancel') return cancel();
      say(`${o.name(item)} put down at place ${o.place(item)}.`);
      drop();
    };
    grip.addEventListener('pointermove', move);
    grip.addEventListener('pointerup', end);
    grip.addEventListener('pointercancel', end);
  });
}

function next(item: HTMLElement, selector: string): HTMLElement | null {
  const sibling = item.nextElementSibling as HTMLElement | null;
  return sibling?.matches(selector) ? sibling : null;
}

function previous(item: HTMLElement, selector: string): HTMLElement | null {
  const sibling = item.previousElementSibling as HTMLElement | null;
  return sibling?.matches(selector) ? sibling : null;
}

/** shift moves the neighbour to the item's other side; false at an end. */
export function shift(item: HTMLElement, by: -1 | 1, selector: string): boolean {
  const neighbour = by < 0 ? previous(item, selector) : next(item, selector);
  if (!neighbour) return false;
  if (by < 0) item.after(neighbour);
  else item.before(neighbour);
  return true;
}

/** follow moves the item to where the pointer is, past one neighbour after the other. */
function follow(item: HTMLElement, y: number, selector: string): void {
  const edge = 48;
  const scroller = item.closest<HTMLElement>('.ql-body, .ed-l') ?? document.documentElement;
  const box = scroller.getBoundingClientRect();
  if (y < Math.max(box.top, 0) + edge) scroller.scrollBy(0, -12);
  else if (y > Math.min(box.bottom, innerHeight) - edge) scroller.scrollBy(0, 12);
  for (let up = previous(item, selector); up && y < middle(up); up = previous(item, selector)) item.after(up);
  for (let down = next(item, selector); down && y > middle(down); down = next(item, selector)) item.before(down);
}

function middle(item: HTMLElement): number {
  const box = item.getBoundingClientRect();
  return box.top + box.height / 2;
}
