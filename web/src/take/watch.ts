import type { ServerClock } from './clock.ts';
import type { ClockView } from './clockview.ts';
import { must, text } from './dom.ts';
import { type Said, standing, type Standing } from './net.ts';
import type { Queue } from './queue.ts';
import type { Store } from './store.ts';
import type { Start } from './types.ts';
import type { Voice } from './view.ts';
import type { Words } from './words.ts';

const lookEvery = 10_000; // ms between looks at the attempt, so that more time shows within 15 s
const lookHidden = 60_000;
const lookDead = 3_000;
const extraShown = 60_000;

interface Needs {
  start: Start;
  queue: Queue;
  store: Store;
  clock: ServerClock;
  clockView: ClockView;
  words: Words;
  voice: Voice;
  /** The page was opened without a network. */
  kept: boolean;
  ticked(): void;
  /** The server has answered. */
  reached(): void;
  up(): void;
}

/** Follows the attempt on the server: its time, whether it still runs and, when asked, what is kept there. */
export class Watch {
  private readonly timers = new Map<'tick' | 'look' | 'extra', number>();
  private looking = false;
  private timed: boolean; // whether the clock here is worth anything

  constructor(private readonly needs: Needs) {
    this.timed = !needs.kept;
  }

  /** A page that was opened without a network has the time by what this device last knew of the server's. */
  async begin(): Promise<void> {
    const { needs } = this;
    if (!needs.kept) return this.keepClock();
    const meta = await needs.store.meta().catch(() => undefined);
    const now = performance.now();
    const at = meta ? Date.now() + meta.skew : Math.max(Date.now(), Date.parse(needs.start.serverNow));
    needs.clock.sync(new Date(at).toISOString(), now, now);
    if (meta) needs.clock.setDeadline(meta.deadlineAt);
    this.timed = meta !== undefined;
    needs.clock.distrust();
    needs.queue.failed(false);
  }

  private async keepClock(): Promise<void> {
    const { clock, start, store } = this.needs;
    try {
      await store.setMeta({
        attempt: start.id, deadlineAt: new Date(clock.deadlineAt).toISOString(), skew: clock.serverNow() - Date.now(), touched: Date.now(),
      });
    } catch {
      // The clock of a start without a network will be the device's own, until it can ask.
    }
  }

  /** How the attempt stands. A browser that another one was opened in has lost this one. */
  async ask(withAnswers: boolean): Promise<Said<Standing>> {
    const said = await standing(withAnswers);
    return said.kind === 'ok' && said.value.submission.id !== this.needs.start.id ? { kind: 'gone' } : said;
  }

  async look(withAnswers: boolean): Promise<void> {
    const { queue } = this.needs;
    if (queue.stopped || (this.looking && !withAnswers)) return;
    this.looking = true;
    try {
      const said = await this.ask(withAnswers);
      switch (said.kind) {
        case 'ok':
          queue.succeeded();
          return await this.learn(said);
        case 'retry':
          return queue.failed(said.reached);
        case 'taken': case 'gone': case 'ended':
          queue.halt(said.kind);
      }
    } finally {
      this.looking = false;
      this.plan();
    }
  }

  private plan(): void {
    clearTimeout(this.timers.get('look'));
    const { queue } = this.needs;
    if (queue.stopped) return;
    const stuck = queue.state().kind === 'stuck';
    const wait = document.visibilityState === 'hidden' ? lookHidden : stuck ? lookDead * (1 + Math.random()) : lookEvery;
    this.timers.set('look', window.setTimeout(() => void this.look(false), wait));
  }

  /** The time that seemed to be over is not. */
  async again(said: Extract<Said<Standing>, { kind: 'ok' }>): Promise<void> {
    this.needs.clock.distrust();
    await this.learn(said);
  }

  private async learn({ value, sent, received }: Extract<Said<Standing>, { kind: 'ok' }>): Promise<void> {
    this.heard(value.serverNow, value.submission.deadlineAt, sent, received);
    if (value.submission.status !== 'in_progress') return this.needs.queue.halt('ended', value.submission);
    this.needs.reached();
    if (value.answers) await this.needs.queue.join(value.answers, true);
  }

  heard(serverNow: string, deadlineAt: string, sent: number, received: number): void {
    const { clock } = this.needs;
    const before = clock.deadlineAt;
    clock.sync(serverNow, sent, received);
    this.timed = true;
    if (clock.setDeadline(deadlineAt) && clock.deadlineAt > before) this.moreTime();
    void this.keepClock();
    this.tick();
  }

  /** Says that there is more time, with how it comes about. */
  private moreTime(): void {
    const { clock, start, words, voice } = this.needs;
    const limit = start.minutes;
    const total = Math.round((clock.deadlineAt - Date.parse(start.startedAt)) / 60_000);
    text(must('[data-extra-text]'), total > limit ? words.say('extra', { total, limit, more: total - limit }) : '');
    must('[data-strip="extra"]').hidden = false;
    voice.say(words.say('extra_say', { total }));
    clearTimeout(this.timers.get('extra'));
    this.timers.set('extra', window.setTimeout(() => { must('[data-strip="extra"]').hidden = true; }, extraShown));
  }

  tick(): void {
    clearTimeout(this.timers.get('tick'));
    const next = this.needs.clockView.tick();
    this.needs.ticked();
    if (next === 0 && this.timed) {
      if (!this.needs.queue.stopped) this.needs.up();
      return;
    }
    this.timers.set('tick', window.setTimeout(() => this.tick(), next || 1000));
  }

  stop(): void {
    clearTimeout(this.timers.get('look'));
  }
}
