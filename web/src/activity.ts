// The live feed: what the server tells goes to the top of the list. A row never moves under the pointer or the focus, it can be
// paused, and a screen reader hears one sentence in five seconds at most.

import { enhance } from './lib/time.ts';

interface Told { text: string; html: string }

const quiet = 5_000; // milliseconds between two announcements
const comeBack = 15_000; // milliseconds until a stream that was refused is tried again
const maxWaiting = 200; // rows that are kept while the list stands still

class Feed {
  private source: EventSource | null = null;
  private readonly list: HTMLElement;
  private readonly said: HTMLElement | null;
  private readonly state: HTMLElement | null;
  private readonly pause: HTMLButtonElement | null;
  private waiting: { id: string; html: string }[] = [];
  private unsaid: string[] = [];
  private speaking = 0;
  private retry = 0;
  private paused = false;
  private ended = false;

  constructor(private readonly box: HTMLElement, private newest: string) {
    const scope = box.parentElement ?? box;
    this.list = box.querySelector<HTMLElement>('ul') ?? box;
    this.said = scope.querySelector('[data-feed-said]');
    this.state = scope.querySelector('[data-feed-state]');
    this.pause = scope.querySelector('[data-feed-pause]');
    if (this.pause) this.pause.hidden = false;
    this.pause?.addEventListener('click', () => this.toggle());
    box.addEventListener('pointerleave', () => this.flush());
    box.addEventListener('focusout', () => queueMicrotask(() => this.flush()));
    // Hidden pages do not listen: a browser has few connections, and what was missed comes with the next look.
    document.addEventListener('visibilitychange', () => (document.hidden ? this.stop() : this.start()));
    addEventListener('pagehide', () => this.stop());
    this.start();
  }

  private start(): void {
    if (this.source || this.ended || document.hidden) return;
    clearTimeout(this.retry);
    const url = new URL(this.box.dataset.src ?? '', location.href);
    url.searchParams.set('after', this.newest);
    const source = (this.source = new EventSource(url));
    source.addEventListener('open', () => this.show(''));
    source.addEventListener('message', (event) => this.take(event));
    source.addEventListener('end', () => {
      this.ended = true;
      this.stop();
      this.show('You no longer hear of what happens here. Nothing was changed. Load the page again to go on.');
    });
    source.addEventListener('error', () => {
      this.show('The live feed is interrupted. What is listed stays; it goes on by itself when the connection is back.');
      if (source.readyState !== EventSource.CLOSED) return;
      this.stop();
      this.retry = window.setTimeout(() => this.start(), comeBack);
    });
  }

  private stop(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  private take(event: MessageEvent<string>): void {
    const told = JSON.parse(event.data) as Told;
    this.newest = event.lastEventId;
    if (document.getElementById(`act-${event.lastEventId}`) || this.waiting.some((w) => w.id === event.lastEventId)) return;
    this.waiting.push({ id: event.lastEventId, html: told.html });
    if (this.waiting.length > maxWaiting) this.waiting.shift();
    if (!this.paused) {
      this.unsaid.push(told.text);
      this.speak();
    }
    this.flush();
  }

  private still(): boolean {
    return this.paused || this.box.matches(':hover') || this.box.contains(document.activeElement);
  }

  private flush(): void {
    if (this.waiting.length === 0) return;
    if (this.still()) {
      this.label();
      return;
    }
    for (const { html } of this.waiting) {
      const holder = document.createElement('template');
      holder.innerHTML = html; // made and escaped by the server's own template
      const row = holder.content.firstElementChild;
      if (!row) continue;
      row.classList.add('new');
      this.list.prepend(row);
    }
    this.waiting = [];
    const most = Number(this.box.dataset.max) || 50;
    while (this.list.children.length > most) this.list.lastElementChild?.remove();
    this.box.querySelector<HTMLElement>('[data-feed-empty]')?.setAttribute('hidden', '');
    enhance(this.list);
    this.label();
  }

  private toggle(): void {
    this.paused = !this.paused;
    if (!this.paused) this.flush();
    this.label();
  }

  private label(): void {
    const words = this.pause?.querySelector('span');
    if (!words) return;
    const n = this.waiting.length;
    words.textContent = !this.paused ? 'Pause' : n > 0 ? `Show ${n} new` : 'Go on';
    this.dot()?.classList.toggle('off', this.paused);
  }

  private dot(): HTMLElement | null {
    return this.box.parentElement?.querySelector<HTMLElement>('[data-feed-live]') ?? null;
  }

  private show(text: string): void {
    if (!this.state) return;
    this.state.textContent = text;
    this.state.hidden = text === '';
    this.dot()?.classList.toggle('dot-warn', text !== '');
  }

  private speak(): void {
    if (this.speaking || !this.said) return;
    this.speaking = window.setTimeout(() => {
      this.speaking = 0;
      const [last, more] = [this.unsaid[this.unsaid.length - 1], this.unsaid.length - 1];
      this.unsaid = [];
      if (last && this.said) this.said.textContent = more > 0 ? `${last} And ${more} more.` : last;
    }, quiet);
  }
}

const box = document.querySelector<HTMLElement>('[data-feed]');
// An older page of the list stands still.
if (box?.dataset.after) new Feed(box, box.dataset.after);
