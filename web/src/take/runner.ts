import { ServerClock } from './clock.ts';
import { ClockView } from './clockview.ts';
import { forgetPage, keepPage, Tabs } from './device.ts';
import { every, insist, must, openModal, text } from './dom.ts';
import { Ending } from './ending.ts';
import { Field, isNumber } from './fields.ts';
import { listenKeys } from './keys.ts';
import { isAnswered, isUnsent } from './merge.ts';
import { type Said, saveAnswer, saveLeaving, standing, type Standing } from './net.ts';
import { door, forgetPlace, type Prefs, readPlace, readPrefs, writePlace, writePrefs } from './prefs.ts';
import { Queue } from './queue.ts';
import { Review } from './review.ts';
import { SaveState } from './savestate.ts';
import { openStore, type Store } from './store.ts';
import type { Answer, Kept, Receipt, ServerAnswer } from './types.ts';
import type { Naming } from './unsent.ts';
import { listUnsent } from './unsent.ts';
import { dialogs, View, Voice } from './view.ts';
import { pageWords } from './words.ts';

/** What the page brings along. */
interface Start {
  id: string;
  deadlineAt: string;
  serverNow: string;
  minutes: number;
  extra: number;
  answers: ServerAnswer[];
  keep: string[];
}

const lookEvery = 10_000; // ms between looks at the attempt, so that more time shows within 15 s
const lookHidden = 60_000;
const lookDead = 3_000;

/** The test, alive: one question at a time, every change kept here first and then on the server. */
export class TakeRunner extends HTMLElement {
  private start!: Start;
  private fields!: Field[];
  private byId!: Map<string, Field>;
  private view!: View;
  private store!: Store;
  private queue!: Queue;
  private tabs!: Tabs;
  private clockView!: ClockView;
  private saves!: SaveState;
  private review!: Review;
  private ending!: Ending;
  private lost = new Map<string, Kept>();
  private place = 1;
  private extra = 0;
  private timers = new Map<string, number>();
  private looking = false;
  private readonly words = pageWords();
  private readonly voice = new Voice();
  private readonly prefs: Prefs = readPrefs();
  private readonly clock = new ServerClock(() => performance.now());

  connectedCallback(): void {
    this.start = JSON.parse(must('#take').textContent ?? '{}') as Start;
    this.fields = every('article[data-q]').map((a, i) => new Field(a, i + 1));
    this.byId = new Map(this.fields.map((f) => [f.id, f]));
    this.view = new View(this.fields, this.words);
    this.extra = this.start.extra;
    this.setClock();
    this.view.live();
    this.place = this.clampPlace(Number(/^#q(\d+)$/.exec(location.hash)?.[1]) || readPlace(this.start.id));
    this.view.show(this.place, this.prefs.all);
    this.clockView = new ClockView(this.clock, this.prefs, this.words, this.voice);
    this.clockView.tick();
    this.listen();
    void this.begin();
  }

  /** The page's own clock reading is as old as its first byte; a kept page's is worth nothing but as a start. */
  private setClock(): void {
    this.clock.setDeadline(this.start.deadlineAt);
    if (this.hasAttribute('kept')) return;
    const [way] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    this.clock.sync(this.start.serverNow, way?.requestStart ?? 0, way?.responseStart || performance.now());
  }

  private async begin(): Promise<void> {
    this.store = await openStore(this.start.id);
    this.tabs = new Tabs(this.start.id, (kept) => this.queue.hear(kept), () => this.queue.halt('ended'));
    this.queue = new Queue(this.store, {
      now: () => performance.now(),
      later: (ms, run) => {
        const timer = window.setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      random: Math.random,
      alone: (run) => this.tabs.alone(run),
      send: (kept) => saveAnswer(kept, (now, deadline, sent, received) => this.heard(now, deadline, sent, received)),
      tell: (kept) => this.tabs.tell(kept),
    }, {
      changed: (question) => this.changed(question),
      lost: (mine) => this.showLost(mine),
      doubt: () => void this.look(true),
      stopped: (why, receipt) => this.stopped(why, receipt),
    });
    this.saves = new SaveState(this.queue, this.store, this.words, this.voice);
    this.ending = new Ending({
      queue: this.queue, words: this.words, naming: this.naming,
      forget: () => this.forget(), count: () => this.answered(), more: (said) => this.again(said), look: () => standing(false),
    });
    this.review = new Review({
      queue: this.queue, words: this.words, clock: this.clock, fields: this.fields, go: (n) => this.go(n),
      place: () => this.place, ended: (receipt) => this.ending.handedIn(receipt),
    });
    await this.queue.load();
    await this.restoreClock();
    await this.queue.join(this.start.answers, false);
    for (const f of this.fields) this.changed(f.id);
    this.early();
    this.tick();
    this.queue.wake();
    void this.look(true);
    if (this.store.lasting) void keepPage(this.start.keep);
    else must('[data-strip="memory"]').hidden = false;
    document.documentElement.dataset['ready'] = 'true';
  }

  /** What was changed between the first picture and now. */
  private early(): void {
    for (const f of this.fields) if (this.timers.has(`early-${f.id}`)) this.edited(f);
  }

  private async restoreClock(): Promise<void> {
    if (!this.hasAttribute('kept')) return this.keepClock();
    const meta = await this.store.meta();
    const now = performance.now();
    const at = meta ? Date.now() + meta.skew : Math.max(Date.now(), Date.parse(this.start.serverNow));
    this.clock.sync(new Date(at).toISOString(), now, now);
    if (meta) this.clock.setDeadline(meta.deadlineAt);
    this.clock.distrust();
    this.queue.failed(false);
  }

  private async keepClock(): Promise<void> {
    try {
      await this.store.setMeta({
        attempt: this.start.id, deadlineAt: new Date(this.clock.deadlineAt).toISOString(),
        skew: this.clock.serverNow() - Date.now(), touched: Date.now(),
      });
    } catch {
      // The clock of a start without a network will be the device's own, until it can ask.
    }
  }

  private listen(): void {
    const form = must('#questions');
    form.addEventListener('input', (e) => this.onInput(e));
    form.addEventListener('change', (e) => this.onInput(e));
    form.addEventListener('focusout', (e) => this.onLeave(e));
    form.addEventListener('focusin', (e) => this.onEnter(e));
    form.addEventListener('click', (e) => {
      const button = (e.target as Element).closest('[data-clear]');
      if (button) this.clear(this.fieldOf(button));
    });
    must('[data-nav]').addEventListener('click', (e) => {
      const link = (e.target as Element).closest<HTMLAnchorElement>('a');
      if (!link) return;
      e.preventDefault();
      this.go(Number(link.hash.slice(2)));
    });
    must('[data-previous]').addEventListener('click', () => this.go(this.place - 1));
    must('[data-next]').addEventListener('click', () => (this.place < this.fields.length ? this.go(this.place + 1) : this.review?.open()));
    must('[data-review]').addEventListener('click', () => {
      this.view.closeSheet();
      this.review?.open();
    });
    this.choices();
    this.dialogsListen();
    this.world();
  }

  private choices(): void {
    const mode = must<HTMLInputElement>('[data-mode]');
    mode.checked = this.prefs.all;
    mode.addEventListener('change', () => {
      this.prefs.all = mode.checked;
      writePrefs(this.prefs);
      this.view.show(this.place, this.prefs.all);
    });
    const keys = must<HTMLInputElement>('[data-keys-on]');
    keys.checked = this.prefs.keys;
    keys.addEventListener('change', () => {
      this.prefs.keys = keys.checked;
      writePrefs(this.prefs);
      must('.keys').hidden = !this.prefs.keys;
    });
    must('.keys').hidden = !this.prefs.keys;
    must('[data-keys]').addEventListener('click', () => openModal(dialogs.keys()));
    listenKeys({
      on: () => this.prefs.keys,
      choose: (n) => this.fields[this.place - 1]?.ticks[n - 1]?.click(),
      flag: () => this.fields[this.place - 1]?.flag.click(),
      move: (by) => this.go(this.place + by),
      list: () => openModal(dialogs.keys()),
    });
  }

  private dialogsListen(): void {
    for (const d of [dialogs.elsewhere(), dialogs.stopped(), dialogs.up()]) insist(d);
    for (const b of every('dialog [data-close]')) b.addEventListener('click', () => b.closest('dialog')?.close());
    for (const b of every('dialog [data-try]')) b.addEventListener('click', () => location.reload());
    for (const a of every<HTMLAnchorElement>('[data-door]')) {
      const path = door();
      if (path) a.href = path;
      a.hidden = !path;
    }
  }

  /** Networks, other tabs and the end of the page. */
  private world(): void {
    addEventListener('online', () => {
      this.queue?.wake();
      void this.look(false);
    });
    addEventListener('offline', () => this.queue?.failed(false));
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') return this.leave();
      // While the page was away its clock may have stood still.
      this.clock.distrust();
      void this.look(false);
    });
    addEventListener('pagehide', () => this.leave());
    addEventListener('pageshow', (e) => {
      if (e.persisted) void this.look(true);
    });
    addEventListener('beforeunload', (e) => {
      if (this.store && !this.store.lasting && this.queue.pending().length > 0) e.preventDefault();
    });
    addEventListener('hashchange', () => {
      const place = Number(/^#q(\d+)$/.exec(location.hash)?.[1]);
      if (place && place !== this.place) this.go(place);
    });
  }

  private leave(): void {
    if (this.queue) saveLeaving(this.queue.leaving());
  }

  private fieldOf(within: Element): Field | undefined {
    return this.byId.get(within.closest<HTMLElement>('article[data-q]')?.dataset['q'] ?? '');
  }

  private onInput(e: Event): void {
    const target = e.target as HTMLInputElement;
    const field = this.fieldOf(target);
    if (!field) return;
    if (!this.queue) {
      this.timers.set(`early-${field.id}`, 1);
      return;
    }
    const typed = target === field.text;
    if (typed !== (e.type === 'input')) return; // ticks tell of a change once, texts of each
    if (target === field.flag) {
      this.voice.say(this.words.say(field.flag.checked ? 'flagged' : 'unflagged'));
      void this.queue.change(field.id, { flagged: field.flag.checked });
      return;
    }
    this.edited(field, typed);
  }

  private edited(field: Field, typed = false): void {
    const answer = field.read();
    const bad = field.type === 'numeric' && typeof answer === 'string' && !isNumber(answer);
    const told = { number: field.number, words: this.naming.tell(field.id, answer) };
    void this.queue.change(field.id, { answer, flagged: field.flag.checked, told, ...(bad ? { refused: 'number' as const } : {}) }, typed);
    this.room(field);
  }

  private room(field: Field): void {
    const left = field.roomLeft();
    field.showRoom(field.type === 'short_text' && left <= 100 ? this.words.say('room', { n: left }) : '');
  }

  /** A number is judged when its field is left, or as soon as it is one. */
  private onLeave(e: FocusEvent): void {
    const field = this.fieldOf(e.target as Element);
    if (!field?.text || e.target !== field.text || !this.queue) return;
    this.wrongOf(field, true);
    this.queue.flush();
  }

  private onEnter(e: FocusEvent): void {
    const field = this.fieldOf(e.target as Element);
    if (!field || field.number === this.place) return;
    this.moved(field.number);
    this.view.current(field.number);
  }

  private wrongOf(field: Field, judged: boolean): void {
    const { refused } = this.queue.get(field.id);
    if (refused === 'number') {
      if (judged || document.activeElement !== field.text) field.showWrong(this.words.say('bad_number'));
    } else field.showWrong(refused ? this.words.say('refused') : '');
  }

  private clear(field: Field | undefined): void {
    if (!field || !this.queue) return;
    field.write(null, field.flag.checked);
    void this.queue.change(field.id, { answer: null });
    this.voice.say(this.words.say('cleared'));
    this.room(field);
    (field.text ?? field.ticks[0])?.focus();
  }

  private clampPlace(place: number): number {
    return Math.min(Math.max(1, place), this.fields.length);
  }

  private moved(place: number): void {
    this.place = place;
    writePlace(this.start.id, place);
    history.replaceState(null, '', `#q${place}`);
  }

  private go(place: number): void {
    if (place < 1 || place > this.fields.length) return;
    this.queue?.flush();
    this.moved(place);
    this.view.closeSheet();
    this.view.show(place, this.prefs.all);
    this.view.focus(place, this.prefs.all);
  }

  private answered(): number {
    return this.fields.filter((f) => isAnswered(this.queue.get(f.id))).length;
  }

  private changed(question: string | undefined): void {
    const field = question === undefined ? undefined : this.byId.get(question);
    if (field) {
      const kept = this.queue.get(field.id);
      if (JSON.stringify(field.read()) !== JSON.stringify(kept.answer) || field.flag.checked !== kept.flagged) field.write(kept.answer, kept.flagged);
      this.view.mark(field, { answered: isAnswered(kept), clearable: kept.answer !== null, flagged: kept.flagged });
      this.wrongOf(field, false);
      this.view.count(this.answered());
    }
    this.saves?.show();
  }

  /** Another device or tab has answered the same question later. */
  private showLost(mine: Kept): void {
    this.lost.set(mine.question, mine);
    const list = must('[data-conflicts]');
    listUnsent(list, [...this.lost.values()], this.naming);
    for (const [i, kept] of [...this.lost.values()].entries()) {
      const use = document.createElement('button');
      use.type = 'button';
      use.className = 'btn sm';
      use.textContent = this.words.say('use_here');
      use.addEventListener('click', () => {
        void this.queue.change(kept.question, { answer: kept.answer, flagged: kept.flagged, ...(kept.told ? { told: kept.told } : {}) });
        this.lost.delete(kept.question);
        use.disabled = true;
        text(use, this.words.say('used'));
      });
      list.children[i]?.append(use);
    }
    dialogs.conflict().addEventListener('close', () => this.lost.clear(), { once: true });
    openModal(dialogs.conflict());
  }

  private readonly naming: Naming & { tell(question: string, answer: Answer): string } = {
    number: (k) => this.byId.get(k.question)?.number ?? 0,
    words: (k) => this.naming.tell(k.question, k.answer),
    tell: (q: string, a: Answer) => this.byId.get(q)?.tell(a, (t) => this.words.say(t ? 'true' : 'false')) ?? '',
    title: (n) => this.words.say('unsent', { n }),
    empty: this.words.say('unsent_empty'), copy: this.words.say('copy'), copied: this.words.say('copied'),
  };

  /** Looks at the attempt on the server: the time, whether it still runs and, when asked, what is kept there. */
  private async look(withAnswers: boolean): Promise<void> {
    if (this.queue.stopped || (this.looking && !withAnswers)) return;
    this.looking = true;
    try {
      const said = await standing(withAnswers);
      switch (said.kind) {
        case 'ok':
          this.queue.succeeded();
          this.heard(said.value.serverNow, said.value.submission.deadlineAt, said.sent, said.received);
          await this.learn(said.value);
          return;
        case 'retry':
          this.queue.failed(said.reached);
          return;
        case 'taken': case 'gone': case 'ended':
          this.queue.halt(said.kind);
      }
    } finally {
      this.looking = false;
      this.plan();
    }
  }

  private plan(): void {
    clearTimeout(this.timers.get('look'));
    if (this.queue.stopped) return;
    const stuck = this.queue.state().kind === 'stuck';
    const wait = document.visibilityState === 'hidden' ? lookHidden : stuck ? lookDead * (1 + Math.random()) : lookEvery;
    this.timers.set('look', window.setTimeout(() => void this.look(false), wait));
  }

  /** The time that seemed to be over is not. */
  private async again(said: Extract<Said<Standing>, { kind: 'ok' }>): Promise<void> {
    this.clock.distrust();
    this.heard(said.value.serverNow, said.value.submission.deadlineAt, said.sent, said.received);
    await this.learn(said.value);
  }

  private async learn(now: Standing): Promise<void> {
    if (now.submission.status !== 'in_progress') return this.queue.halt('ended', now.submission);
    this.removeAttribute('kept');
    this.extra = now.extra;
    if (now.answers) await this.queue.join(now.answers, true);
  }

  private heard(serverNow: string, deadlineAt: string, sent: number, received: number): void {
    const before = this.clock.deadlineAt;
    this.clock.sync(serverNow, sent, received);
    if (this.clock.setDeadline(deadlineAt) && this.clock.deadlineAt > before) void this.moreTime(before);
    void this.keepClock();
    this.tick();
  }

  /** Says that there is more time, with how it comes about: the percent may be known only after the next look. */
  private async moreTime(before: number): Promise<void> {
    const extra = this.extra;
    if (extra === this.start.extra) {
      const said = await standing(false);
      if (said.kind === 'ok') this.extra = said.value.extra;
    }
    const limit = this.start.minutes;
    const total = Math.round(limit * (1 + this.extra / 100));
    if (this.clock.deadlineAt <= before) return;
    text(must('[data-extra-text]'), this.words.say('extra', { total, limit, more: total - limit }));
    must('[data-strip="extra"]').hidden = false;
    this.voice.say(this.words.say('extra_say', { total }));
    clearTimeout(this.timers.get('extra'));
    this.timers.set('extra', window.setTimeout(() => { must('[data-strip="extra"]').hidden = true; }, 60_000));
  }

  private tick(): void {
    clearTimeout(this.timers.get('tick'));
    const next = this.clockView.tick();
    this.saves?.show();
    if (next > 0) {
      this.timers.set('tick', window.setTimeout(() => this.tick(), next));
      return;
    }
    // A page that was opened without a network knows the time by the device alone, which is no reason to stop anyone.
    if (this.ending && !this.queue.stopped && !this.hasAttribute('kept')) void this.ending.timeUp();
    else this.timers.set('tick', window.setTimeout(() => this.tick(), 1000));
  }

  private stopped(why: 'ended' | 'taken' | 'gone', receipt?: Receipt): void {
    clearTimeout(this.timers.get('look'));
    dialogs.review().close();
    if (why === 'ended') {
      void this.ending.over(receipt);
      return;
    }
    const unsent = this.queue.list().filter(isUnsent);
    if (why === 'taken') {
      const kept = must('[data-elsewhere-kept]');
      kept.hidden = unsent.length === 0;
      text(kept, this.words.say('elsewhere_kept', { n: unsent.length }));
      openModal(dialogs.elsewhere());
    } else {
      listUnsent(must('[data-unsent]', dialogs.stopped()), unsent, this.naming);
      openModal(dialogs.stopped());
    }
  }

  /** Deletes what the device has of the attempt. */
  private async forget(): Promise<void> {
    try {
      await this.store.clear();
    } catch {
      // Nothing was kept, then.
    }
    forgetPlace(this.start.id);
    this.tabs.ended();
    await forgetPage();
  }
}

