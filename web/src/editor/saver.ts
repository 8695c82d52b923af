import { Problem } from '../lib/api.ts';

// What is typed is sent 0.8 s after the last key. What cannot be sent stays in the tab and is tried again, for as long as it takes.

const quiet = 800;
const pauses = [5, 10, 20, 30]; // seconds between tries

export type Mode = 'saved' | 'saving' | 'kept' | 'invalid' | 'conflict' | 'signed-out' | 'gone';

export interface Saved {
  mode: Mode;
  at?: Date; // mode saved: when
  retryAt?: number; // mode kept: when it is tried again, by Date.now()
}

export interface Source {
  /** changes are what differs from what the server has: null for nothing, "invalid" while the form says what is wrong. */
  changes(): object | null | 'invalid';
  /** send brings the changes to the server; what it throws decides what comes next. */
  send(changes: object): Promise<void>;
  /** stale is called when another change came before ours; true when ours may be sent once more at once. */
  stale(changes: object): Promise<boolean>;
  /** refused shows what the server has against the changes. */
  refused(problem: Problem): void;
}

/** Held is thrown by send when it found that a person must decide first. */
export class Held extends Error {}

export class Saver {
  state: Saved = { mode: 'saved' };
  private timer = 0;
  private tries = 0;
  private edition = 0;
  private running: Promise<void> | null = null;

  constructor(private source: Source, private told: (s: Saver) => void) {}

  /** dirty tells whether something here is not on the server. */
  get dirty(): boolean {
    return this.state.mode !== 'saved';
  }

  /** touch says that something changed. */
  touch(): void {
    this.edition++;
    if (this.state.mode === 'conflict' || this.state.mode === 'gone') return; // a person decides first
    this.become({ mode: 'saving' });
    this.later(quiet);
  }

  /** flush sends at once what is waiting; it does not throw. */
  async flush(): Promise<void> {
    if (!this.dirty || this.state.mode === 'conflict' || this.state.mode === 'gone') return;
    clearTimeout(this.timer);
    this.timer = 0;
    await this.running;
    if (this.dirty) await this.run();
  }

  /** settled ends a conflict: what is here is sent, or there is nothing left to send. */
  settled(): void {
    this.become({ mode: 'saving' });
    void this.flush();
  }

  /** hold stops sending until somebody has decided. */
  hold(mode: 'conflict' | 'gone'): void {
    clearTimeout(this.timer);
    this.become({ mode });
  }

  /** forget drops what is not saved: it is not wanted any more. */
  forget(): void {
    clearTimeout(this.timer);
    this.edition++;
    this.become({ mode: 'saved', at: this.state.at });
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.run(), ms);
  }

  private become(s: Saved): void {
    this.state = s;
    this.told(this);
  }

  private run(): Promise<void> {
    this.running ??= this.once().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async once(): Promise<void> {
    const edition = this.edition;
    const changes = this.source.changes();
    if (changes === 'invalid') return this.become({ mode: 'invalid' });
    try {
      if (changes) {
        this.become({ mode: 'saving' });
        await this.source.send(changes);
      }
      this.tries = 0;
      if (this.edition === edition) return this.become({ mode: 'saved', at: new Date() });
      this.later(quiet);
    } catch (cause) {
      await this.failed(cause, changes ?? {}, edition);
    }
  }

  private async failed(cause: unknown, changes: object, edition: number): Promise<void> {
    if (cause instanceof Held) return this.hold('conflict');
    const p = cause instanceof Problem ? cause : new Problem(0, { code: 'script', detail: String(cause) });
    switch (true) {
      case p.status === 412:
        return this.decide(changes);
      case p.status === 401:
        return this.become({ mode: 'signed-out' });
      case p.status === 404 || p.status === 409:
        return this.hold('gone');
      case p.status === 400 || p.status === 422:
        this.source.refused(p);
        if (this.edition !== edition) return this.later(quiet);
        return this.become({ mode: 'invalid' });
    }
    const seconds = p.retryAfter ?? pauses[Math.min(this.tries++, pauses.length - 1)]!;
    this.become({ mode: 'kept', retryAt: Date.now() + seconds * 1000 });
    this.later(seconds * 1000);
  }

  private async decide(changes: object): Promise<void> {
    try {
      if (!(await this.source.stale(changes))) return this.hold('conflict');
      this.later(0);
    } catch (cause) {
      const status = cause instanceof Problem ? cause.status : 0;
      if (status === 401) return this.become({ mode: 'signed-out' });
      if (status === 404) return this.hold('gone');
      const seconds = pauses[Math.min(this.tries++, pauses.length - 1)]!;
      this.become({ mode: 'kept', retryAt: Date.now() + seconds * 1000 });
      this.later(seconds * 1000);
    }
  }
}
