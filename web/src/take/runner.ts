import { Answers } from './answers.ts';
import { ServerClock } from './clock.ts';
import { ClockView } from './clockview.ts';
import { forgetPage, keepPage, Tabs } from './device.ts';
import { every, insist, must, openModal, text } from './dom.ts';
import { Ending } from './ending.ts';
import { Field } from './fields.ts';
import { listenKeys } from './keys.ts';
import { isUnsent } from './merge.ts';
import { saveAnswer, saveLeaving, submit } from './net.ts';
import { claimAttempt, door, forgetPlace, isCurrent, type Prefs, readPlace, readPrefs, writePlace, writePrefs } from './prefs.ts';
import { Queue } from './queue.ts';
import { Review } from './review.ts';
import { SaveState } from './savestate.ts';
import { openStore, type Store } from './store.ts';
import type { Kept, Outcome, Receipt, Start } from './types.ts';
import { listUnsent } from './unsent.ts';
import { dialogs, View, Voice } from './view.ts';
import { Watch } from './watch.ts';
import { pageWords } from './words.ts';

/** The test, alive: one question at a time, every change kept here first and then on the server. */
export class TakeRunner extends HTMLElement {
  private start!: Start;
  private fields!: Field[];
  private view!: View;
  private answers!: Answers;
  private clockView!: ClockView;
  private place = 1;
  private keeping = false;
  // From here on they are there once the device's store is open.
  private store!: Store;
  private tabs!: Tabs;
  private queue!: Queue;
  private saves!: SaveState;
  private watch!: Watch;
  private review!: Review;
  private ending!: Ending;
  private readonly words = pageWords();
  private readonly voice = new Voice();
  private readonly prefs: Prefs = readPrefs();
  private readonly clock = new ServerClock(() => performance.now());

  connectedCallback(): void {
    this.start = JSON.parse(must('#take').textContent ?? '{}') as Start;
    this.fields = every('article[data-q]').map((a, i) => new Field(a, i + 1));
    this.view = new View(this.fields, this.words);
    this.answers = new Answers(this.fields, this.view, this.words, this.voice);
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
    claimAttempt(this.start.id);
    const [way] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    this.clock.sync(this.start.serverNow, way?.requestStart ?? 0, way?.responseStart || performance.now());
  }

  private async begin(): Promise<void> {
    this.store = await openStore(this.start.id);
    this.tabs = new Tabs(this.start.id, (kept) => this.queue.hear(kept), () => this.queue.halt('ended'));
    this.queue = this.makeQueue();
    this.saves = new SaveState(this.queue, this.store, this.words, this.voice);
    const { queue, store, words, voice, clock, clockView, fields, start } = this;
    this.watch = new Watch({
      start, queue, store, clock, clockView, words, voice, kept: this.hasAttribute('kept'),
      ticked: () => this.saves.show(), reached: () => this.reached(), up: () => void this.ending.timeUp(),
    });
    this.ending = new Ending({
      queue, words, naming: this.answers.naming,
      forget: () => this.forget(), count: () => this.answers.count(), more: (said) => this.watch.again(said), look: () => this.watch.ask(false),
    });
    this.review = new Review({
      queue, words, clock, fields, go: (n) => this.go(n), handIn: () => this.handIn(), ended: (receipt) => this.ending.handedIn(receipt),
    });
    await queue.load();
    await this.watch.begin();
    await queue.join(start.answers, false);
    this.answers.live(queue);
    this.watch.tick();
    queue.wake();
    void this.watch.look(true);
    document.documentElement.dataset['ready'] = 'true';
  }

  private makeQueue(): Queue {
    return new Queue(this.store, {
      now: () => performance.now(),
      later: (ms, run) => {
        const timer = window.setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      random: Math.random,
      alone: (run) => this.tabs.alone(run),
      send: (kept) => this.send(kept),
      tell: (kept) => this.tabs.tell(kept),
    }, {
      changed: (question) => {
        if (question !== undefined) this.answers.changed(question);
        this.saves?.show();
      },
      lost: (mine) => this.answers.showLost(mine),
      doubt: () => void this.watch.look(true),
      stopped: (why, receipt) => this.stopped(why, receipt),
    });
  }

  private async send(kept: Kept): Promise<Outcome> {
    if (!isCurrent(this.start.id)) return { kind: 'gone' };
    return saveAnswer(kept, (now, deadline, sent, received) => this.watch.heard(now, deadline, sent, received));
  }

  /** Hands in this attempt and no other that the browser may have been given meanwhile. */
  private async handIn(): ReturnType<typeof submit> {
    const said = await this.watch.ask(false);
    return said.kind === 'ok' ? submit() : said;
  }

  /** The server is there: the page is kept for when it is not. */
  private reached(): void {
    this.removeAttribute('kept');
    if (this.keeping || !this.store.lasting) return;
    this.keeping = true;
    void keepPage(this.start.id, this.start.keep).then((done) => {
      this.keeping = done;
      if (done) document.documentElement.dataset['kept'] = 'true';
    });
  }

  private listen(): void {
    const form = must('#questions');
    this.answers.listen(form);
    form.addEventListener('focusin', (e) => this.onEnter(e));
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
      choose: (n) => press(this.fields[this.place - 1]?.ticks[n - 1]),
      flag: () => press(this.fields[this.place - 1]?.flag),
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
      void this.watch?.look(false);
    });
    addEventListener('offline', () => this.queue?.failed(false));
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') return this.leave();
      // While the page was away its clock may have stood still.
      this.clock.distrust();
      void this.watch?.look(false);
    });
    addEventListener('pagehide', () => this.leave());
    addEventListener('pageshow', (e) => {
      if (!e.persisted) return;
      if (this.queue?.stopped) location.reload(); // back from the receipt, say: the server knows where to
      else void this.watch?.look(true);
    });
    addEventListener('beforeunload', (e) => {
      if (this.store && !this.store.lasting && this.queue?.pending().length) e.preventDefault();
    });
    addEventListener('hashchange', () => {
      const place = Number(/^#q(\d+)$/.exec(location.hash)?.[1]);
      if (place && place !== this.place) this.go(place);
    });
  }

  private leave(): void {
    if (this.queue && isCurrent(this.start.id)) saveLeaving(this.queue.leaving());
  }

  private onEnter(e: FocusEvent): void {
    const field = this.answers.of(e.target as Element);
    if (!field || field.number === this.place) return;
    this.moved(field.number);
    this.view.current(field.number);
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

  private stopped(why: 'ended' | 'taken' | 'gone', receipt?: Receipt): void {
    this.watch.stop();
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
      listUnsent(must('[data-unsent]', dialogs.stopped()), unsent, this.answers.naming);
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

/** Presses what a key stands for, and leaves the focus there: whoever goes on by keyboard goes on from what they chose. */
function press(control: HTMLElement | undefined): void {
  control?.focus();
  control?.click();
}
