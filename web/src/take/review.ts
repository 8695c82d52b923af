import { minutes, type ServerClock } from './clock.ts';
import { must, openModal, text } from './dom.ts';
import type { Field } from './fields.ts';
import { isAnswered } from './merge.ts';
import type { submit } from './net.ts';
import { pause, type Queue } from './queue.ts';
import type { Receipt } from './types.ts';
import { dialogs } from './view.ts';
import type { Words } from './words.ts';

interface Needs {
  queue: Queue;
  words: Words;
  clock: ServerClock;
  fields: Field[];
  go(place: number): void;
  handIn(): ReturnType<typeof submit>;
  ended(receipt?: Receipt): void;
}

/** The last look before handing in, and handing in: first everything kept here goes up. */
export class Review {
  private readonly dialog = dialogs.review();
  private readonly wait = must('[data-review-wait]');
  private readonly button = must<HTMLButtonElement>('[data-submit]');
  private wanted = 0; // counts requests to hand in; another number means that it was called off

  constructor(private readonly needs: Needs) {
    must('[data-keep]').addEventListener('click', () => this.dialog.close());
    must('[data-go-flag]').addEventListener('click', () => this.leaveTo(this.numbers((f) => this.kept(f).flagged)[0]));
    must('[data-go-open]').addEventListener('click', () => this.leaveTo(this.numbers((f) => !isAnswered(this.kept(f)))[0]));
    this.button.addEventListener('click', () => void this.handIn());
    this.dialog.addEventListener('close', () => {
      this.wanted++;
      this.button.setAttribute('aria-disabled', 'false');
    });
  }

  private kept(f: Field) {
    return this.needs.queue.get(f.id);
  }

  private numbers(which: (f: Field) => boolean): number[] {
    return this.needs.fields.filter(which).map((f) => f.number);
  }

  private leaveTo(place: number | undefined): void {
    this.dialog.close();
    if (place !== undefined) this.needs.go(place);
  }

  open(): void {
    this.needs.queue.flush();
    this.fill();
    openModal(this.dialog);
    // What was typed a moment ago is on its way; the summary follows.
    void this.needs.queue.drained().then(() => { if (this.dialog.open) this.fill(); });
  }

  private fill(): void {
    const { words, queue, fields, clock } = this.needs;
    const open = this.numbers((f) => !isAnswered(this.kept(f)));
    const flagged = this.numbers((f) => this.kept(f).flagged);
    const answered = fields.length - open.length;
    const { pending, refused } = queue.state();
    text(must('[data-review-time]'), words.say('review_time', { n: minutes(clock.left()) }));
    text(must('[data-review-answered]'), words.say('review_n', { n: answered }));
    text(must('[data-review-saved]'), pending > 0 ? words.say('review_waiting', { n: pending }) : refused > 0 ? '' : words.say('review_saved'));
    this.line('flagged', flagged, 'review_flags', '[data-review-flags]', '[data-review-flag-list]');
    this.line('open', open, 'review_opens', '[data-review-opens]', '[data-review-open-list]');
    if (open[0] !== undefined) text(must('[data-go-open]'), words.say('go_to', { n: open[0] }));
    text(this.button, answered > 0 ? words.say('submit', { n: answered }) : words.say('submit_none'));
    this.say(refused > 0 ? words.say('submit_refused', { n: refused }) : '');
  }

  private line(name: string, numbers: number[], key: string, count: string, list: string): void {
    must(`[data-review-${name}]`).hidden = numbers.length === 0;
    text(must(count), this.needs.words.say(key, { n: numbers.length }));
    text(must(list), this.list(numbers));
  }

  /** "4 and 11", "10, 13 and 10 more". */
  private list(numbers: number[]): string {
    const { words } = this.needs;
    if (numbers.length <= 1) return numbers.join('');
    if (numbers.length === 2) return words.say('list_and', { list: numbers[0]!, last: numbers[1]! });
    return words.say('list_more', { list: numbers.slice(0, 2).join(', '), n: numbers.length - 2 });
  }

  private say(what: string): void {
    this.wait.hidden = what === '';
    text(this.wait, what);
  }

  private async handIn(): Promise<void> {
    const { queue, words } = this.needs;
    if (this.button.getAttribute('aria-disabled') === 'true') return;
    const mine = ++this.wanted;
    this.button.setAttribute('aria-disabled', 'true'); // not disabled, which would lose the focus
    const follow = () => {
      const { kind, pending } = queue.state();
      if (pending > 0) this.say(kind === 'stuck' ? words.say('submit_waits') : words.say('sending', { n: pending }));
    };
    follow();
    const timer = window.setInterval(follow, 300);
    await queue.drained();
    clearInterval(timer);
    for (let failures = 1; mine === this.wanted && !queue.stopped; failures++) {
      this.say(words.say('submitting'));
      const said = await this.needs.handIn();
      if (said.kind === 'ok') return this.needs.ended(said.value.submission);
      if (said.kind === 'ended') return this.needs.ended(said.receipt);
      if (said.kind !== 'retry') {
        queue.halt(said.kind === 'taken' ? 'taken' : 'gone');
        return;
      }
      queue.failed(said.reached);
      this.say(words.say('submit_waits'));
      await new Promise((go) => setTimeout(go, Math.max((said.after ?? 0) * 1000, pause(failures, Math.random()))));
      if (mine === this.wanted) await queue.drained();
    }
  }
}
