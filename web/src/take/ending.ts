import { must, openModal, text } from './dom.ts';
import { isUnsent } from './merge.ts';
import { type Said, type Standing, submit } from './net.ts';
import { pause, type Queue } from './queue.ts';
import type { Kept, Receipt } from './types.ts';
import { listUnsent, type Naming } from './unsent.ts';
import { dialogs } from './view.ts';
import type { Words } from './words.ts';

type Looked = Extract<Said<Standing>, { kind: 'ok' }>;

interface Needs {
  queue: Queue;
  words: Words;
  naming: Naming;
  count(): number; // answered questions
  forget(): Promise<void>;
  /** Takes in what a look has shown: more time, first of all. */
  more(said: Looked): Promise<void>;
  look(): Promise<Said<Standing>>;
}

const receiptPage = '/take/result';

/** The end of the attempt, however it comes: handed in, time up, ended elsewhere. It says what arrived and what did not. */
export class Ending {
  private readonly dialog = dialogs.up();
  private closing = false;
  private done = false;
  private onPurpose = false;

  constructor(private readonly needs: Needs) {
    must('[data-forget]').addEventListener('click', () => void this.forgetAndGo());
    must('[data-receipt]').addEventListener('click', (e) => {
      // Only an attempt that is over has a receipt; until then the link waits with the rest.
      if (!this.done) e.preventDefault();
    });
  }

  /** The clock is at 0:00. The server knows best: more time may have been given, and a moment's grace is left for what is on its way. */
  async timeUp(): Promise<void> {
    if (this.closing || this.done) return;
    this.closing = true;
    const { queue } = this.needs;
    dialogs.review().close();
    dialogs.keys().close();
    this.block(true);
    this.say('up_sending_title', this.needs.words.say('up_sending_text'), []);
    openModal(this.dialog);
    queue.flush();
    queue.wake();
    let failures = 0;
    while (!queue.stopped && !this.done) {
      const said = await this.needs.look();
      if (said.kind === 'ok' && Date.parse(said.value.submission.deadlineAt) > Date.parse(said.value.serverNow)) return this.goOn(said);
      if (said.kind === 'ok') await this.close(said.value);
      else if (said.kind === 'retry') this.barred();
      else queue.halt(said.kind === 'refused' ? 'ended' : said.kind, said.kind === 'ended' ? said.receipt : undefined);
      if (queue.stopped || this.done) return;
      await new Promise((go) => setTimeout(go, pause(Math.min(++failures, 4), Math.random())));
    }
  }

  /** There is more time after all, or the clock here was ahead. */
  private async goOn(said: Looked): Promise<void> {
    this.closing = false;
    this.block(false);
    this.dialog.close();
    await this.needs.more(said);
  }

  /** Brings what is left and hands in. */
  private async close(now: Standing): Promise<void> {
    if (now.submission.status !== 'in_progress') return this.needs.queue.halt('ended', now.submission);
    const limit = new Promise((go) => setTimeout(go, 4000)); // of the grace, which is not for waiting
    await Promise.race([this.needs.queue.drained(), limit]);
    const said = await submit();
    if (said.kind === 'ok') this.needs.queue.halt('ended', said.value.submission);
    else if (said.kind === 'ended') this.needs.queue.halt('ended', said.receipt);
    else if (said.kind === 'taken' || said.kind === 'gone') this.needs.queue.halt(said.kind);
  }

  private unsent(): Kept[] {
    return this.needs.queue.list().filter(isUnsent);
  }

  private arrived(): number {
    return this.needs.count() - this.unsent().filter((k) => k.answer !== null && k.acked === 0).length;
  }

  /** No connection at the end: what arrived, what did not, and that we go on trying. */
  private barred(): void {
    const unsent = this.unsent();
    const said = unsent.length === 0 ? this.needs.words.say('up_unknown_text') : this.needs.words.say('up_wait_text', { arrived: this.arrived() });
    this.say('up_wait_title', said, unsent);
  }

  /** Handed in here, on purpose. */
  handedIn(receipt?: Receipt): void {
    this.onPurpose = true;
    this.needs.queue.halt('ended', receipt);
  }

  /** The attempt is over. */
  async over(receipt?: Receipt): Promise<void> {
    if (this.done) return;
    this.done = true;
    this.block(true);
    const timeUp = this.closing || receipt?.status === 'expired';
    // Who hands in by hand was told of what cannot be saved as it is.
    const unsent = this.unsent().filter((k) => timeUp || !this.onPurpose || !k.refused);
    if (unsent.length > 0) {
      const body = timeUp ? this.needs.words.say('up_bad_text', { arrived: this.arrived() }) : this.needs.words.say('ended_text');
      this.say(timeUp ? 'up_bad_title' : 'ended_title', body, unsent);
      text(must('[data-up-device]'), this.needs.words.say('up_bad_device'));
      must('[data-forget]').hidden = false;
      openModal(this.dialog);
      return;
    }
    await this.needs.forget();
    if (!timeUp) {
      location.assign(receiptPage);
      return;
    }
    this.say('up_title', this.needs.words.say('up_text', { n: this.needs.count() }), []);
    text(must('[data-up-device]'), this.needs.words.say('up_device'));
    openModal(this.dialog);
  }

  private async forgetAndGo(): Promise<void> {
    await this.needs.forget();
    location.assign(receiptPage);
  }

  private say(title: string, body: string, unsent: Kept[]): void {
    text(must('[data-up-title]'), this.needs.words.say(title));
    text(must('[data-up-text]'), body);
    must('[data-receipt]').hidden = !this.done;
    text(must('[data-up-device]'), '');
    const list = must('[data-unsent]', this.dialog);
    const shown = unsent.map((k) => `${k.question}:${k.sequence}`).join();
    if (list.dataset['shown'] === shown) return; // a button that has the focus keeps it
    list.dataset['shown'] = shown;
    listUnsent(list, unsent, this.needs.naming);
  }

  private block(on: boolean): void {
    must('#questions').inert = on;
  }
}
