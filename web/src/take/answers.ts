import { must, openModal, text } from './dom.ts';
import { isNumber, type Field } from './fields.ts';
import { isAnswered } from './merge.ts';
import type { Queue } from './queue.ts';
import type { Answer, Kept } from './types.ts';
import { listUnsent, type Naming } from './unsent.ts';
import { dialogs, type View, type Voice } from './view.ts';
import type { Words } from './words.ts';

/** The questions' fields and what is kept of them: a change in a field goes into the queue, and what the queue learns shows in the field. */
export class Answers {
  private readonly byId: Map<string, Field>;
  private readonly early = new Set<Field>(); // changed before there was a queue to take it
  private readonly lost = new Map<string, Kept>();
  private queue: Queue | undefined;
  /** How answers are named where they are listed. */
  readonly naming: Naming;

  constructor(private readonly fields: Field[], private readonly view: View, private readonly words: Words, private readonly voice: Voice) {
    this.byId = new Map(fields.map((f) => [f.id, f]));
    this.naming = {
      number: (k) => this.byId.get(k.question)?.number ?? 0, words: (k) => this.tell(k.question, k.answer), title: (n) => words.say('unsent', { n }),
      empty: words.say('unsent_empty'), copy: words.say('copy'), copied: words.say('copied'),
    };
    dialogs.conflict().addEventListener('close', () => this.lost.clear());
  }

  listen(form: HTMLElement): void {
    form.addEventListener('input', (e) => this.onInput(e));
    form.addEventListener('change', (e) => this.onInput(e));
    form.addEventListener('focusout', (e) => this.onLeave(e));
    form.addEventListener('click', (e) => {
      const button = (e.target as Element).closest('[data-clear]');
      if (button) this.clear(this.of(button));
    });
  }

  /** From now on changes are kept, those first that were made between the first picture and now. */
  live(queue: Queue): void {
    this.queue = queue;
    for (const f of this.early) this.edited(f);
    this.early.clear();
    for (const f of this.fields) this.show(f, queue);
    this.view.count(this.count());
  }

  /** The field that an element belongs to. */
  of(within: Element): Field | undefined {
    return this.byId.get(within.closest<HTMLElement>('article[data-q]')?.dataset['q'] ?? '');
  }

  count(): number {
    const { queue } = this;
    return queue ? this.fields.filter((f) => isAnswered(queue.get(f.id))).length : 0;
  }

  private onInput(e: Event): void {
    const target = e.target as HTMLInputElement;
    const field = this.of(target);
    if (!field) return;
    if (!this.queue) {
      this.early.add(field);
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
    const told = { number: field.number, words: this.tell(field.id, answer) };
    void this.queue?.change(field.id, { answer, flagged: field.flag.checked, told, ...(bad ? { refused: 'number' as const } : {}) }, typed);
    this.room(field);
  }

  private tell(question: string, answer: Answer): string {
    return this.byId.get(question)?.tell(answer, (t) => this.words.say(t ? 'true' : 'false')) ?? '';
  }

  private room(field: Field): void {
    const left = field.roomLeft();
    field.showRoom(field.type === 'short_text' && left <= 100 ? this.words.say('room', { n: left }) : '');
  }

  /** A number is judged when its field is left, or as soon as it is one. */
  private onLeave(e: FocusEvent): void {
    const field = this.of(e.target as Element);
    if (!field?.text || e.target !== field.text || !this.queue) return;
    this.wrongOf(field, this.queue, true);
    this.queue.flush();
  }

  private wrongOf(field: Field, queue: Queue, judged: boolean): void {
    const { refused } = queue.get(field.id);
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

  /** Shows what is kept of a question, unless its field is ahead of it. */
  changed(question: string): void {
    const field = this.byId.get(question);
    if (!field || !this.queue || this.early.has(field)) return;
    this.show(field, this.queue);
    this.view.count(this.count());
  }

  private show(field: Field, queue: Queue): void {
    const kept = queue.get(field.id);
    if (JSON.stringify(field.read()) !== JSON.stringify(kept.answer) || field.flag.checked !== kept.flagged) field.write(kept.answer, kept.flagged);
    this.view.mark(field, { answered: isAnswered(kept), clearable: kept.answer !== null, flagged: kept.flagged });
    this.wrongOf(field, queue, false);
  }

  /** Another device or tab has answered the same question later. */
  showLost(mine: Kept): void {
    this.lost.set(mine.question, mine);
    const list = must('[data-conflicts]');
    listUnsent(list, [...this.lost.values()], this.naming);
    for (const [i, kept] of [...this.lost.values()].entries()) list.children[i]?.append(this.useHere(kept));
    openModal(dialogs.conflict());
  }

  private useHere(kept: Kept): HTMLButtonElement {
    const use = document.createElement('button');
    use.type = 'button';
    use.className = 'btn sm';
    use.textContent = this.words.say('use_here');
    use.addEventListener('click', () => {
      if (!this.lost.delete(kept.question)) return;
      void this.queue?.change(kept.question, { answer: kept.answer, flagged: kept.flagged, ...(kept.told ? { told: kept.told } : {}) });
      use.setAttribute('aria-disabled', 'true'); // not disabled, which would lose the focus
      text(use, this.words.say('used'));
    });
    return use;
  }
}
