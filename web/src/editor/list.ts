import { call } from '../lib/api.ts';
import { part, say } from './part.ts';
import { bindOrder, shift } from './reorder.ts';

// The list holds a stretch of the questions and fetches more as it is scrolled. A question is moved by its neighbours' ids, so
// that what is not on the screen, and what somebody else added meanwhile, keeps its place.

export class List {
  private readonly ol = document.getElementById('ql')!;
  private filter = new URLSearchParams();
  private asked: AbortController | null = null;
  private typing = 0;
  private seen: IntersectionObserver;

  constructor(private api: string, private path: string, private current: () => string | null, private count: () => number,
    private failed: (cause: unknown) => void) {
    this.seen = new IntersectionObserver((entries) => {
      for (const e of entries) if (e.isIntersecting) (e.target as HTMLElement).click();
    }, { rootMargin: '200px' });
    this.watch();
    this.bindFind();
    this.ol.addEventListener('click', (e) => {
      const at = e.target as Element;
      const more = at.closest<HTMLElement>('[data-more]');
      if (more) void this.more(more);
      if (at.closest('[data-earlier]')) void this.load();
    });
    if (this.ol.querySelector('[data-grip]')) this.bindOrder();
    this.show();
  }

  items(): HTMLElement[] {
    return [...this.ol.querySelectorAll<HTMLElement>('li[data-id]')];
  }

  item(id: string): HTMLElement | null {
    return this.ol.querySelector<HTMLElement>(`li[data-id="${CSS.escape(id)}"]`);
  }

  get filtered(): boolean {
    return this.filter.size > 0;
  }

  /** neighbour is the id of the question after or before one, as the list stands. */
  neighbour(id: string, by: -1 | 1): string | null {
    const list = this.items();
    const i = list.findIndex((li) => li.dataset.id === id);
    return list[i < 0 ? 0 : i + by]?.dataset.id ?? null;
  }

  /** show marks the open question and brings it into sight. */
  show(): void {
    const id = this.current();
    for (const li of this.items()) {
      const here = li.dataset.id === id;
      li.classList.toggle('sel', here);
      const a = li.querySelector('a')!;
      if (here) a.setAttribute('aria-current', 'true');
      else a.removeAttribute('aria-current');
      if (here) this.reveal(li);
    }
  }

  /** Only the list scrolls, never the page. */
  private reveal(li: HTMLElement): void {
    const scroller = li.closest<HTMLElement>('.ed-l');
    if (!scroller || scroller.scrollHeight <= scroller.clientHeight) return;
    const box = scroller.getBoundingClientRect();
    const head = scroller.querySelector('.ql-h')?.getBoundingClientRect().height ?? 0;
    const at = li.getBoundingClientRect();
    if (at.top < box.top + head) scroller.scrollTop -= box.top + head - at.top;
    else if (at.bottom > box.bottom) scroller.scrollTop += at.bottom - box.bottom;
  }

  /** place puts a line that the server made where it belongs. */
  place(fresh: HTMLElement): void {
    const old = this.item(fresh.dataset.id!);
    if (old) return;
    if (this.filtered) return void this.load();
    const at = Number(fresh.dataset.position);
    const after = this.items().find((li) => Number(li.dataset.position) >= at);
    const end = this.ol.querySelector('[data-more]')?.closest('li') ?? null;
    if (!after && end) return; // further down than the list goes
    this.ol.insertBefore(fresh, after ?? null);
    this.renumber();
  }

  /** remove takes a line out. */
  remove(id: string): void {
    this.item(id)?.remove();
    this.renumber();
  }

  /** renumber gives each line the number of its place, from that of the first one. */
  renumber(): void {
    if (this.filtered) return;
    const list = this.items();
    const first = this.ol.querySelector('[data-earlier]') ? Math.min(...list.map((li) => Number(li.dataset.position))) : 1;
    list.forEach((li, i) => {
      const n = String(first + i);
      li.dataset.position = n;
      li.querySelector('.qn')!.textContent = n;
      li.querySelector('[data-grip]')?.setAttribute('aria-label', `Move question ${n}`);
    });
  }

  private bindFind(): void {
    const find = document.getElementById('ql-find') as HTMLInputElement;
    const form = document.querySelector<HTMLFormElement>('[data-filter]')!;
    const read = (): void => {
      const q = new URLSearchParams();
      if (find.value.trim()) q.set('find', find.value.trim());
      for (const [name, value] of new FormData(form)) if (value) q.set(name, String(value));
      this.filter = q;
      document.getElementById('ql-filter-btn')!.classList.toggle('on', q.size > (q.has('find') ? 1 : 0));
      void this.load();
    };
    find.addEventListener('input', () => {
      clearTimeout(this.typing);
      this.typing = window.setTimeout(read, 250);
    });
    form.addEventListener('change', read);
    form.addEventListener('reset', () => {
      find.value = '';
      setTimeout(read); // the fields are reset only after this event
    });
    form.addEventListener('submit', (e) => e.preventDefault());
  }

  /** only narrows the list to one thing, as a link elsewhere asks. */
  only(name: string): void {
    const box = document.querySelector<HTMLInputElement>(`[data-filter] [name="${name}"]`);
    if (!box) return;
    box.checked = true;
    box.dispatchEvent(new Event('change', { bubbles: true }));
  }

  /** load fetches the list anew, from its beginning. */
  async load(): Promise<void> {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const q = new URLSearchParams(this.filter);
    const id = this.current();
    if (id) q.set('q', id);
    try {
      const piece = await part(`${this.path}/questions?${q}`, asked.signal);
      this.ol.replaceChildren(piece);
      this.told();
    } catch (cause) {
      if (!asked.signal.aborted) this.failed(cause);
    }
  }

  private told(): void {
    this.watch();
    this.ol.classList.toggle('filtered', this.filtered);
    for (const grip of this.ol.querySelectorAll<HTMLButtonElement>('[data-grip]')) grip.disabled = this.filtered;
    const shown = document.getElementById('ql-shown')!;
    const n = this.items().length;
    const more = this.ol.querySelector('[data-more]') ? 'At least ' : '';
    shown.textContent = this.filtered ? `${more}${n} ${n === 1 ? 'question fits' : 'questions fit'}` : '';
    shown.hidden = !this.filtered;
  }

  private async more(button: HTMLElement): Promise<void> {
    this.seen.unobserve(button);
    if (button.getAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      const q = new URL(button.dataset.more!, location.href);
      const id = this.current();
      if (id) q.searchParams.set('q', id);
      const piece = await part(q.pathname + q.search);
      button.closest('li')!.replaceWith(piece);
      this.told();
    } catch (cause) {
      button.removeAttribute('aria-busy');
      this.failed(cause);
    }
  }

  private watch(): void {
    this.seen.disconnect();
    const more = this.ol.querySelector('[data-more]');
    if (more) this.seen.observe(more);
  }

  private bindOrder(): void {
    bindOrder(this.ol, {
      item: 'li[data-id]',
      name: (li) => `Question ${li.dataset.position}`,
      total: () => this.count(),
      place: (li) => this.items().indexOf(li) + Math.min(...this.items().map((i) => Number(i.dataset.position))),
      moved: (li) => void this.keep(li),
    });
  }

  /** step moves a question by one place, as the menu says. */
  async step(id: string, by: -1 | 1): Promise<void> {
    const li = this.item(id);
    if (li && !this.filtered && shift(li, by, 'li[data-id]')) return this.keep(li);
    await this.moveTo(id, (at) => at + by);
  }

  /** keep sends the place that a line was put down at. */
  private async keep(li: HTMLElement): Promise<void> {
    const id = li.dataset.id!;
    const before = (li.previousElementSibling as HTMLElement | null)?.dataset.id;
    const after = (li.nextElementSibling as HTMLElement | null)?.dataset.id;
    this.renumber();
    await this.reorder(id, (order) => {
      if (before && order.includes(before)) return order.indexOf(before) + 1;
      return after && order.includes(after) ? order.indexOf(after) : order.length;
    });
  }

  /** moveTo puts a question at another place, counted from 1. */
  async moveTo(id: string, to: (at: number) => number): Promise<void> {
    let from = 0;
    await this.reorder(id, (order, was) => {
      from = was + 1;
      return Math.max(0, Math.min(order.length, to(from) - 1));
    });
    await this.load();
  }

  private async reorder(id: string, where: (others: string[], was: number) => number): Promise<void> {
    try {
      const { data } = await call<{ order: string[] }>('GET', `${this.path}/order`);
      const was = data.order.indexOf(id);
      const others = data.order.filter((other) => other !== id);
      const at = where(others, was);
      others.splice(at, 0, id);
      await call('PUT', `${this.api}/questions/order`, { order: others });
      say(`Question is now at place ${at + 1} of ${others.length}.`);
      this.moved(id, at + 1);
    } catch (cause) {
      await this.load();
      this.failed(cause);
    }
  }

  /** moved is told after a move was kept. */
  moved: (id: string, place: number) => void = () => {};
}

/** askPlace asks for the place of a question; null when it stays. */
export function askPlace(at: number, count: number): Promise<number | null> {
  const dialog = document.getElementById('move') as HTMLDialogElement;
  const form = dialog.querySelector<HTMLFormElement>('[data-move-form]')!;
  const field = dialog.querySelector<HTMLInputElement>('#move-to')!;
  const wrong = dialog.querySelector<HTMLElement>('#move-error')!;
  dialog.querySelector('[data-move-max]')!.textContent = String(count);
  field.value = field.defaultValue = String(at);
  wrong.hidden = true;
  field.removeAttribute('aria-invalid');
  return new Promise((resolve) => {
    let to: number | null = null;
    const submit = (e: SubmitEvent): void => {
      const n = Number(field.value);
      if (Number.isInteger(n) && n >= 1 && n <= count) return void (to = n);
      e.preventDefault();
      wrong.textContent = `Give a place from 1 to ${count}.`;
      wrong.hidden = false;
      field.setAttribute('aria-invalid', 'true');
      field.focus();
    };
    form.addEventListener('submit', submit);
    dialog.addEventListener('close', () => {
      form.removeEventListener('submit', submit);
      resolve(to);
    }, { once: true });
    dialog.showModal();
    field.select();
  });
}

