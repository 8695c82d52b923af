import { call, newKey, Problem } from './lib/api.ts';
import { register } from './lib/keys.ts';
import { refresh } from './lib/refresh.ts';
import { toast } from './lib/toast.ts';
import { Board } from './editor/board.ts';
import { announce } from './editor/conflict.ts';
import { askPlace, List } from './editor/list.ts';
import { bindMarkdown } from './editor/markdown.ts';
import { markOf, rows } from './editor/options.ts';
import { part, say, swap } from './editor/part.ts';
import { bindPublish } from './editor/publish.ts';
import { Pane } from './editor/question.ts';
import { settingNames, type Settings, SettingsForm } from './editor/settings.ts';
import { type Form, formOf, lines, type Question, whole } from './editor/shape.ts';

// The editor holds one question at a time. One that could not be saved is kept, form and all, until it is.

class Editor {
  private readonly root = document.getElementById('editor')!;
  private readonly place = document.getElementById('ed-question')!;
  private readonly api = `/api/v1/assessments/${this.root.dataset.assessment}`;
  private readonly path = this.root.dataset.path!;
  private readonly editable = this.root.dataset.editable === 'true';
  private readonly list: List;
  private readonly kept = new Map<string, Pane>();
  private board: Board | null = null;
  private settings: SettingsForm | null = null;
  private pane: Pane | null = null;
  private shown: string | null = null;
  private opening = 0;

  constructor() {
    this.shown = this.place.querySelector<HTMLElement>('[data-question]')?.dataset.question ?? null;
    this.list = new List(this.api, this.path, () => this.shown, () => this.count, this.failed);
    this.list.moved = (id, place) => this.moved(id, place);
    document.addEventListener('click', (e) => this.click(e));
    addEventListener('popstate', () => {
      const id = new URLSearchParams(location.search).get('q') ?? this.list.items()[0]?.dataset.id;
      if (id) void this.open(id, { push: false });
    });
    register('j', 'Next question', () => this.go(1));
    register('k', 'Question before', () => this.go(-1));
    if (this.editable) this.write();
    else bindMarkdown(this.root);
  }

  private get count(): number {
    return Number(this.root.dataset.count);
  }

  private write(): void {
    this.board = new Board(document.getElementById('save')!);
    const told = this.board.told;
    this.settings = new SettingsForm(document.getElementById('settings') as HTMLFormElement, this.root.dataset.etag!, {
      api: this.api, told, saved: () => void this.follow(null), conflict: (form, mine, theirs) => this.settingsConflict(form, mine, theirs),
    });
    this.take();
    bindPublish({ api: this.api, path: this.path, flush: async () => {
      await this.board!.flush();
      return !this.board!.dirty;
    } });
    register('n', 'New question', () => void this.add());
    for (let n = 1; n <= 9; n++) register(String(n), n === 1 ? '1 to 9: mark an option correct' : `Mark option ${n} correct`, () => this.mark(n));
  }

  private failed = (cause: unknown): void => {
    const p = cause instanceof Problem ? cause : null;
    if (p?.status === 401) return toast('You were signed out. Your text is kept in this tab: sign in in another tab, then go on here.', { tone: 'warn' });
    if (p?.status === 0) return toast('The server cannot be reached. What you typed is kept in this tab.', { tone: 'warn' });
    if (p && p.status < 500) return toast(p.detail, { tone: 'warn' });
    toast('That did not work, and nothing was changed. Try again.', { tone: 'bad' });
  };

  private click(e: MouseEvent): void {
    const at = e.target as Element;
    const open = at.closest<HTMLAnchorElement>('a[data-open]');
    if (open && !e.ctrlKey && !e.metaKey && !e.shiftKey && !e.defaultPrevented) {
      e.preventDefault();
      const id = new URL(open.href).searchParams.get('q');
      if (id) void this.open(id, { focus: true });
    }
    if (at.closest('[data-qpick]')) this.pick();
    if (at.closest('[data-changes]')) this.list.only('changed');
    if (!this.editable) return;
    if (at.closest('[data-new]')) void this.add();
    if (at.closest('[data-duplicate]')) void this.duplicate();
    if (at.closest('[data-delete]')) void this.remove();
    const move = at.closest<HTMLElement>('[data-move]');
    if (move) void this.move(move.dataset.move!);
  }

  private pick(open?: boolean): void {
    const button = document.querySelector<HTMLElement>('[data-qpick]')!;
    const now = open ?? button.getAttribute('aria-expanded') !== 'true';
    button.setAttribute('aria-expanded', String(now));
    document.getElementById('ed-list')!.classList.toggle('open', now);
  }

  private go(by: -1 | 1): void {
    const id = this.shown ? this.list.neighbour(this.shown, by) : null;
    if (id) void this.open(id, { focus: true });
  }

  /** take makes a pane of the question in the page. */
  private take(): void {
    const section = this.place.querySelector<HTMLElement>('[data-question]');
    this.shown = section?.dataset.question ?? null;
    this.pane = section && this.editable ? new Pane(section, {
      api: this.api, told: this.board!.told, saved: (pane) => this.saved(pane), conflict: (pane, theirs) => this.conflict(pane, theirs),
    }) : null;
  }

  /** leave lets the open question go on saving by itself. */
  private leave(): void {
    if (!this.pane) return;
    void this.pane.saver.flush();
    if (this.pane.saver.dirty) this.kept.set(this.pane.id, this.pane);
  }

  async open(id: string, how: { focus?: boolean; push?: boolean; select?: boolean } = {}): Promise<void> {
    const mine = ++this.opening;
    this.pick(false);
    if (id !== this.shown) {
      this.leave();
      const held = this.kept.get(id);
      if (held?.saver.dirty) {
        this.place.replaceChildren(held.el, ...[...this.place.querySelectorAll('template')]);
        this.pane = held;
        this.shown = id;
      } else {
        this.kept.delete(id);
        try {
          const piece = await part(`${this.path}/questions/${id}`);
          if (mine !== this.opening) return;
          this.place.replaceChildren(piece);
          this.take();
        } catch (cause) {
          return this.failed(cause);
        }
      }
      if (how.push !== false) history.pushState(null, '', `${this.path}?q=${id}`);
    }
    this.list.show();
    this.caption();
    if (how.select) this.place.querySelector<HTMLTextAreaElement>('#q-prompt')?.select();
    else if (how.focus) this.place.querySelector<HTMLElement>('#q')?.focus();
  }

  private caption(): void {
    const text = document.getElementById('qpick-text');
    const at = this.pane?.position ?? Number(this.place.querySelector<HTMLElement>('[data-question]')?.dataset.position);
    if (text) text.textContent = at ? `Question ${at} of ${this.count}` : 'No questions yet';
  }

  private saved(pane: Pane): void {
    if (pane !== this.pane) this.kept.delete(pane.id);
    void this.follow(pane.id);
  }

  /** follow shows what follows from a save elsewhere on the page: the line in the list, totals, the checklist. */
  private async follow(id: string | null): Promise<void> {
    try {
      const piece = await part(`${this.path}/state${id ? `?q=${id}` : ''}`);
      const now = piece.querySelector<HTMLElement>('#editor-now');
      if (id || now?.dataset.count !== this.root.dataset.count) this.settings?.moved();
      if (now) Object.assign(this.root.dataset, { count: now.dataset.count, points: now.dataset.points });
      this.label(piece.querySelector<HTMLElement>('#publish-label-now'));
      const line = piece.querySelector<HTMLElement>('li[data-id]');
      const known = line ? this.list.item(line.dataset.id!) !== null : true;
      if (line && !known) line.remove();
      swap(piece);
      if (line && !known) this.list.place(line);
      const tab = document.querySelector("#tabs a[href$='" + CSS.escape(this.root.dataset.assessment!) + "'] .count");
      if (tab) tab.textContent = String(this.count);
      this.list.show();
      this.caption();
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause;
      // The save itself is kept; what follows from it is shown with the next one.
    }
  }

  private label(now: HTMLElement | null): void {
    const text = now?.textContent?.trim();
    if (!now || !text) return;
    for (const to of document.querySelectorAll('[data-publish-label]')) {
      if (to.textContent?.trim() !== text) to.textContent = text;
      to.closest('button')?.classList.toggle('primary', now.dataset.settled !== 'true');
    }
  }

  /** mark is what the digits do: they tick or pick an option of the open question. */
  private mark(n: number): void {
    if (!this.pane) return;
    const boxes = this.pane.type === 'true_false'
      ? [...this.pane.el.querySelectorAll<HTMLInputElement>('input[name="truth"]')]
      : ['single_choice', 'multiple_choice'].includes(this.pane.type) ? rows(this.pane.el).map(markOf) : [];
    boxes[n - 1]?.click();
  }

  async add(): Promise<void> {
    const type = this.pane?.type ?? 'single_choice';
    const form: Record<string, unknown> = { type, prompt: 'New question' };
    if (type === 'single_choice' || type === 'multiple_choice') form.options = [{ id: 'a', text: 'Option A' }, { id: 'b', text: 'Option B' }];
    const q = await this.create(form);
    if (q) await this.open(q.id, { select: true });
  }

  private async create(form: object): Promise<Question | null> {
    try {
      const { data } = await call<Question>('POST', `${this.api}/questions`, form, { idempotencyKey: newKey() });
      await this.follow(data.id);
      return data;
    } catch (cause) {
      this.failed(cause);
      return null;
    }
  }

  private async duplicate(): Promise<void> {
    const pane = this.pane;
    if (!pane) return;
    const q = await this.create({ ...whole(pane.form()), position: pane.position + 1 });
    if (!q) return;
    await this.open(q.id, { focus: true });
    toast(`Question ${q.position} is a copy of question ${pane.position}.`, { undo: () => this.drop(q.id, q.etag!) });
  }

  private async remove(): Promise<void> {
    const pane = this.pane;
    if (!pane) return;
    await pane.saver.flush();
    const form = pane.form();
    const at = pane.position;
    try {
      await this.drop(pane.id, pane.etag);
    } catch (cause) {
      return this.failed(cause);
    }
    toast(`Question ${at} is deleted.`, { undo: async () => {
      const q = await this.create({ ...whole(form), position: Math.min(at, this.count + 1) });
      if (q) await this.open(q.id, { focus: true });
    } });
  }

  /** drop deletes a question and opens the one that takes its place. */
  private async drop(id: string, etag: string): Promise<void> {
    await call('DELETE', `${this.api}/questions/${id}`, undefined, { ifMatch: id === this.pane?.id ? this.pane.etag : etag });
    const near = this.list.neighbour(id, 1) ?? this.list.neighbour(id, -1);
    const held = id === this.pane?.id ? this.pane : this.kept.get(id);
    held?.saver.forget();
    this.kept.delete(id);
    this.list.remove(id);
    if (id === this.shown) {
      this.pane = null;
      this.shown = null;
    }
    await this.follow(null);
    if (near) return this.open(near, { focus: true });
    history.pushState(null, '', this.path);
    await refresh();
    this.place.querySelector<HTMLElement>('[data-new]')?.focus();
  }

  private async move(how: string): Promise<void> {
    const pane = this.pane;
    if (!pane) return;
    if (how !== 'to') return this.list.step(pane.id, how === 'up' ? -1 : 1);
    const to = await askPlace(pane.position, this.count);
    if (to) await this.list.moveTo(pane.id, () => to);
  }

  private moved(id: string, place: number): void {
    this.settings?.moved();
    for (const li of this.list.items()) {
      if (li.dataset.id === this.shown) this.rename(Number(li.dataset.position));
    }
    if (id === this.shown) this.rename(place);
    void this.follow(null);
  }

  /** rename gives the open question the number of its place. */
  private rename(n: number): void {
    const section = this.place.querySelector<HTMLElement>('[data-question]');
    if (!section || section.dataset.position === String(n)) return;
    section.dataset.position = String(n);
    section.querySelector('#q-title')!.textContent = `Question ${n}`;
    for (const [name, by] of [['before', -1], ['after', 1]] as const) {
      const link = section.querySelector<HTMLAnchorElement>(`[data-neighbour="${name}"]`);
      const id = this.shown && this.list.neighbour(this.shown, by);
      if (!link) continue;
      link.hidden = !id;
      if (!id) continue;
      link.href = `${this.path}?q=${id}`;
      link.querySelector('span')!.textContent = String(n + by);
    }
    const up = section.querySelector<HTMLButtonElement>('[data-move="up"]');
    const down = section.querySelector<HTMLButtonElement>('[data-move="down"]');
    if (up) up.disabled = n <= 1;
    if (down) down.disabled = n >= this.count;
    this.caption();
  }

  private conflict(pane: Pane, theirs: Question): void {
    const mine = pane.form();
    void announce(pane.el.querySelector<HTMLElement>('[data-conflict]')!, {
      what: `question ${pane.position}`, touched: `${this.path}/touched?q=${pane.id}`, rows: beside(mine, formOf(theirs)),
      keepMine: async () => {
        await pane.keepMine(theirs);
        toast(`Your version of question ${pane.position} is saved.`, { undo: () => this.put(pane.id, formOf(theirs)) });
      },
      takeTheirs: async () => {
        const form = pane.form();
        await this.again(pane.id, () => {
          pane.saver.forget();
          this.kept.delete(pane.id);
        });
        toast(`Their version of question ${pane.position} stays.`, { undo: () => this.put(pane.id, form) });
      },
    });
  }

  /** put writes a whole question over what the server has, and shows it. */
  private async put(id: string, form: Form): Promise<void> {
    const { data } = await call<Question>('GET', `${this.api}/questions/${id}`);
    await call('PATCH', `${this.api}/questions/${id}`, whole(form), { ifMatch: data.etag });
    await this.again(id);
    void this.follow(id);
  }

  /** again shows a question as the server has it; arrived is called once that is here, so that nothing is let go before. */
  private async again(id: string, arrived = (): void => {}): Promise<void> {
    const piece = await part(`${this.path}/questions/${id}`);
    arrived();
    if (this.shown !== id) return this.open(id);
    this.place.replaceChildren(piece);
    this.take();
    say('The question is shown as the server has it.');
  }

  private settingsConflict(form: SettingsForm, mine: Settings, theirs: Settings): void {
    const rows = Object.keys(mine).map((name): [string, string, string] => [settingNames[name] ?? name, word(mine[name]), word(theirs[name])]);
    const before = Object.fromEntries(Object.keys(mine).map((name) => [name, theirs[name] ?? null]));
    void announce(form.el.querySelector<HTMLElement>('[data-conflict]')!, {
      what: 'the settings', touched: `${this.path}/touched`, rows,
      keepMine: async () => {
        form.decide(true, mine, theirs);
        toast('Your settings are saved.', { undo: () => form.put(before) });
      },
      takeTheirs: async () => {
        form.decide(false, mine, theirs);
        toast('Their settings stay.', { undo: () => form.put(mine) });
      },
    });
  }
}

function word(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  return value === null || value === undefined ? '' : String(value);
}

function beside(mine: Form, theirs: Form): [string, string, string][] {
  const other = new Map(lines(theirs));
  const list = lines(mine).map(([name, text]): [string, string, string] => [name, text, other.get(name) ?? '']);
  for (const [name, text] of other) if (!list.some(([known]) => known === name)) list.push([name, '', text]);
  return list;
}

if (document.getElementById('editor')) new Editor();
