import { dialog, every, must, text } from './dom.ts';
import type { Field } from './fields.ts';
import type { Words } from './words.ts';

/** How a question stands, as the list of questions and the lane show it. */
export interface Mark {
  answered: boolean;
  clearable: boolean; // there is something to take back
  flagged: boolean;
}

/** The frame around the questions: list, lane, counts, and which question is shown. */
export class View {
  private readonly links: HTMLAnchorElement[];
  private readonly dashes: HTMLElement[];
  private readonly bar = document.querySelector<HTMLProgressElement>('[data-progress]');
  private readonly counts = every('[data-count]');
  private readonly form = must<HTMLFormElement>('#questions');

  constructor(private readonly fields: Field[], private readonly words: Words) {
    this.links = every<HTMLAnchorElement>('[data-nav] a');
    this.dashes = every('[data-lane] i');
  }

  /** Puts the page from the plain form into the one that lives. */
  live(): void {
    for (const plain of every('[data-plain]')) plain.hidden = true;
    for (const alive of every('[data-live], [data-save], [data-clock], [data-where], [data-clear], [data-mode-label], [data-keys]')) alive.hidden = false;
    this.form.addEventListener('submit', (e) => e.preventDefault());
    const review = must<HTMLButtonElement>('[data-review]');
    review.type = 'button';
    must('.runner').classList.add('scripted');
  }

  mark(field: Field, mark: Mark): void {
    const at = field.number - 1;
    const link = this.links[at];
    if (link) {
      link.classList.toggle('an', mark.answered);
      link.classList.toggle('fl', mark.flagged);
      const state = this.words.say(mark.answered ? 'state_answered' : 'state_open');
      const label = this.words.say(mark.flagged ? 'nav_flagged' : 'nav', { n: field.number, state });
      text(must('.sr', link), label);
    }
    const dash = this.dashes[at];
    if (dash) {
      dash.classList.toggle('done', mark.answered);
      dash.classList.toggle('fl', mark.flagged);
    }
    field.show(mark.clearable);
  }

  count(answered: number): void {
    const total = this.fields.length;
    for (const c of this.counts) text(c, this.words.say('answered', { n: answered, total }));
    text(must('[data-of]'), `${answered}/${total}`);
    if (this.bar) this.bar.value = answered;
  }

  /** Shows a question: alone, or among all. */
  show(place: number, all: boolean): void {
    this.form.classList.toggle('all', all);
    for (const f of this.fields) f.article.hidden = !all && f.number !== place;
    this.current(place);
  }

  current(place: number): void {
    const total = this.fields.length;
    for (const [i, link] of this.links.entries()) {
      link.classList.toggle('cu', i + 1 === place);
      if (i + 1 === place) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    for (const [i, dash] of this.dashes.entries()) dash.classList.toggle('now', i + 1 === place);
    const where = this.words.say('where', { n: place, total });
    text(must('[data-where]'), where);
    document.title = `${where} · CredLane`;
    must<HTMLButtonElement>('[data-previous]').disabled = place <= 1;
    text(must('[data-next-text]'), this.words.say(place < total ? 'next' : 'review'));
    const field = this.fields[place - 1];
    const choices = Math.min(9, field?.ticks.length ?? 0);
    must('[data-key-choose]').hidden = choices === 0;
    text(must('[data-key-last]'), String(choices));
  }

  /** Brings a question under the reader's eyes, and the focus to it. */
  focus(place: number, all: boolean): void {
    const article = this.fields[place - 1]?.article;
    if (!article) return;
    if (!all) window.scrollTo(0, 0);
    else article.scrollIntoView({ block: 'start' });
    article.focus({ preventScroll: true });
  }

  closeSheet(): void {
    const nav = must('#nav');
    if (nav.matches(':popover-open')) nav.hidePopover();
  }

  get busy(): boolean {
    return document.querySelector('dialog[open]') !== null;
  }
}

/** What is said aloud: politely, or at once. */
export class Voice {
  private readonly polite = must('[data-say]');
  private readonly now = must('[data-say-now]');

  say(words: string): void {
    this.speak(this.polite, words);
  }

  urgent(words: string): void {
    this.speak(this.now, words);
  }

  private speak(region: HTMLElement, words: string): void {
    // The same words twice are said twice only when the region was emptied in between.
    region.textContent = '';
    requestAnimationFrame(() => { region.textContent = words; });
  }
}

/** Reviews, lists and notes that stand as dialogs in the page. */
export const dialogs = {
  review: () => dialog('review'),
  elsewhere: () => dialog('elsewhere'),
  stopped: () => dialog('stopped'),
  up: () => dialog('up'),
  conflict: () => dialog('conflict'),
  keys: () => dialog('keys'),
};
