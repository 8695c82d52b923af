import { absorb, acknowledge, blank, change, isPending, isUnsent, merge, sameAnswer } from './merge.ts';
import type { Store } from './store.ts';
import type { Answer, Kept, Outcome, Receipt, ServerAnswer, Told } from './types.ts';

/** What the queue stands on; tests bring their own. */
export interface World {
  now(): number; // monotonic, in ms
  later(ms: number, run: () => void): () => void; // and takes it back
  random(): number;
  /** Runs while no other tab of the device does, or after a while regardless: a resend is harmless. */
  alone(run: () => Promise<void>): Promise<void>;
  send(kept: Kept): Promise<Outcome>;
  /** Tells the device's other tabs. */
  tell(kept: Kept): void;
}

export interface Events {
  changed(question: string | undefined): void; // undefined: not the answers, but how they stand
  lost(mine: Kept): void;
  doubt(): void; // the server has something that this device did not send: ask
  stopped(why: 'ended' | 'taken' | 'gone', receipt?: Receipt): void;
}

const parallel = 4;
const typing = 600; // ms that a typed answer may rest before it is sent,
const typingAtMost = 1500; // and may wait in all
const doubting = 3000; // ms that an answer in doubt rests, until the server has said what it has
const firstPause = 500;
const longestPause = 15_000;

/** Delays a try after n failures in a row: twice as long each time, and never in step with others. */
export function pause(failures: number, random: number): number {
  const most = Math.min(longestPause, firstPause * 2 ** Math.min(failures - 1, 10));
  return most / 2 + (most / 2) * random;
}

/**
 * Keeps each change on the device first and then brings it to the server: of one question the newest alone and one at a time, of
 * several the oldest first. What is not acknowledged is sent again; the sequence number makes that harmless.
 */
export class Queue {
  private all = new Map<string, Kept>();
  private due = new Map<string, { at: number; since: number }>();
  private maybeSent = new Set<string>(); // questions whose present state the server may have, unacknowledged
  private flying = new Set<string>();
  private writing = 0;
  private writes = new Map<string, { done: Promise<void>; next?: Promise<void> }>();
  private count = 0;
  private failures = 0;
  private reached = true; // whether the last failure came from a server at all
  private running = false;
  private again = false;
  private stop: 'ended' | 'taken' | 'gone' | undefined;
  private cancel: (() => void) | undefined;
  private waiters: (() => void)[] = [];
  /** When something was last acknowledged, by now(). */
  savedAt: number | undefined;

  constructor(private readonly store: Store, private readonly world: World, private readonly events: Events) {}

  /** Takes up what the device has kept. What is unsent there may have been on its way when the page ended. */
  async load(): Promise<void> {
    for (const kept of await this.store.all()) {
      this.all.set(kept.question, absorb(this.all.get(kept.question), kept));
      this.count = Math.max(this.count, kept.at);
      if (isUnsent(kept)) this.maybeSent.add(kept.question);
    }
  }

  get(question: string): Kept {
    return this.all.get(question) ?? blank(question);
  }

  list(): Kept[] {
    return [...this.all.values()].sort((a, b) => a.at - b.at);
  }

  pending(): Kept[] {
    return this.list().filter(isPending);
  }

  refused(): Kept[] {
    return this.list().filter((k) => isUnsent(k) && k.refused);
  }

  /** How it stands: nothing to do, on its way, or not getting through. */
  state(): { kind: 'saved' | 'saving' | 'stuck'; pending: number; refused: number; reached: boolean } {
    const pending = this.pending().length;
    const kind = this.failures > 0 ? 'stuck' : pending > 0 || this.writing > 0 ? 'saving' : 'saved';
    return { kind, pending, refused: this.refused().length, reached: this.reached };
  }

  /** Notes a change made here. typed: more of it is likely to follow at once. It is on the device when the promise is kept. */
  async change(question: string, to: { answer?: Answer; flagged?: boolean; refused?: 'number'; told?: Told }, typed = false): Promise<void> {
    const before = this.get(question);
    const after = change(before, to, ++this.count, this.maybeSent.has(question));
    if (to.refused) after.refused = to.refused;
    this.maybeSent.delete(question);
    this.all.set(question, after);
    const now = this.world.now();
    const since = this.due.get(question)?.since ?? now;
    this.due.set(question, { since, at: typed ? Math.min(now + typing, since + typingAtMost) : now });
    this.events.changed(question);
    await this.keep(question);
    this.kick();
  }

  /** Writes down what stands here of a question. What changes while a write is under way is written after it, the newest alone. */
  private keep(question: string): Promise<void> {
    const under = this.writes.get(question);
    if (under) return (under.next ??= under.done.then(() => this.keep(question)));
    const done = this.write(this.get(question)).finally(() => this.writes.delete(question));
    this.writes.set(question, { done });
    return done;
  }

  /** Writes a state down, above whatever another tab has written in between. */
  private async write(state: Kept): Promise<void> {
    this.writing++;
    try {
      const written = await this.store.update(state.question, (now) => {
        const theirs = now && now.sequence >= state.sequence && !(now.sequence === state.sequence && sameValue(now, state));
        if (!now || !theirs) return now ? acknowledge(state, now.acked) : state;
        return { ...state, sequence: now.sequence + 1, acked: Math.max(now.acked, state.acked) };
      });
      if (written) this.take(state, written);
      this.world.tell(written ?? state);
    } catch {
      // The device keeps no more. The page still has it and sends it.
      this.world.tell(state);
    } finally {
      this.writing--;
    }
  }

  private take(state: Kept, written: Kept): void {
    const mine = this.get(state.question);
    if (written.sequence > mine.sequence && mine.sequence === state.sequence && sameValue(mine, state)) {
      this.all.set(state.question, { ...mine, sequence: written.sequence });
    }
  }

  /** Takes what another tab of this device has written. */
  hear(other: Kept): void {
    const mine = this.all.get(other.question);
    const next = absorb(mine, other);
    this.all.set(other.question, next);
    this.count = Math.max(this.count, other.at);
    if (!mine || next.sequence !== mine.sequence || next.acked !== mine.acked) {
      if (next.sequence === other.sequence && isUnsent(next)) this.maybeSent.add(other.question);
      this.events.changed(other.question);
    }
    if (isPending(next)) this.kick();
    this.settle();
  }

  /** Takes what the server says that it has. */
  async join(answers: ServerAnswer[], fresh: boolean): Promise<void> {
    const theirs = new Map(answers.map((a) => [a.questionId, a]));
    for (const question of new Set([...theirs.keys(), ...this.all.keys()])) {
      const mine = this.all.get(question);
      if (fresh && this.flying.has(question)) continue; // its own answer is on its way
      const { kept, lost } = merge(mine, theirs.get(question), fresh);
      if (kept.question === '' || (mine && same(mine, kept))) continue;
      this.all.set(question, kept);
      this.events.changed(question);
      if (lost) this.events.lost(lost);
      await this.put(kept, mine?.sequence ?? 0);
    }
    if (this.pending().length > 0) this.kick();
    this.settle();
  }

  /** Writes down what became of a state, unless another tab has gone on from it. */
  private async put(kept: Kept, from: number): Promise<void> {
    try {
      await this.store.update(kept.question, (now) => (now && now.sequence > from ? undefined : kept));
    } catch {
      // as in keep
    }
    this.world.tell(kept);
  }

  /** The network is said to be there (again): waits are over. */
  wake(): void {
    if (this.stop) return;
    this.failures = Math.min(this.failures, 1);
    this.again = true;
    this.run();
  }

  /** Everything that rests is due now. */
  flush(): void {
    for (const [question, d] of this.due) this.due.set(question, { ...d, at: -Infinity });
    this.kick();
  }

  /** Is there something to send, and when? */
  private kick(): void {
    this.again = true;
    if (this.failures > 0 && this.cancel) return; // the pause will end
    this.run();
  }

  private run(): void {
    if (this.running || this.stop) return;
    this.running = true;
    this.cancel?.();
    this.cancel = undefined;
    void this.world
      .alone(() => this.rounds())
      .finally(() => {
        this.running = false;
        this.plan();
        this.settle();
      });
  }

  private async rounds(): Promise<void> {
    do {
      this.again = false;
      const ready = this.pending().filter((k) => (this.due.get(k.question)?.at ?? -Infinity) <= this.world.now());
      if (ready.length === 0) return;
      let failed = false;
      const next = ready[Symbol.iterator]();
      const lane = async () => {
        for (let step = next.next(); !step.done && !failed && !this.stop; step = next.next()) {
          failed = !(await this.sendOne(step.value.question)) || failed;
        }
      };
      // After an outage one at a time: in order, and a server that is coming up is not run over.
      const lanes = this.failures > 0 ? 1 : Math.min(parallel, ready.length);
      await Promise.all(Array.from({ length: lanes }, lane));
      if (failed) return;
    } while (!this.stop && this.again);
  }

  /** Sends a question's newest state; false when the way is barred. */
  private async sendOne(question: string): Promise<boolean> {
    const sent = this.get(question);
    if (!isPending(sent) || this.flying.has(question)) return true;
    this.flying.add(question);
    this.due.delete(question);
    this.maybeSent.add(question);
    this.events.changed(undefined);
    let outcome: Outcome;
    try {
      outcome = await this.world.send(sent);
    } finally {
      this.flying.delete(question);
    }
    return this.came(sent, outcome);
  }

  private async came(sent: Kept, outcome: Outcome): Promise<boolean> {
    switch (outcome.kind) {
      case 'saved':
        this.failures = 0;
        this.savedAt = this.world.now();
        // An older time of saving than now means that the server had this number before, from an earlier try or from elsewhere: only
        // what it has says which.
        if (outcome.sequence === sent.sequence && outcome.fresh) await this.acked(sent);
        else {
          const now = this.world.now();
          if (!this.due.has(sent.question)) this.due.set(sent.question, { at: now + doubting, since: now });
          this.events.doubt();
        }
        return true;
      case 'refused':
        await this.refuse(sent);
        return true;
      case 'retry':
        this.failures++;
        this.reached = outcome.reached;
        this.planAfter(outcome.after);
        this.events.changed(undefined);
        return false;
      default:
        this.halt(outcome.kind, outcome.kind === 'ended' ? outcome.receipt : undefined);
        return false;
    }
  }

  private async acked(sent: Kept): Promise<void> {
    const sequence = sent.sequence;
    const now = acknowledge(this.get(sent.question), sequence);
    this.all.set(sent.question, now);
    if (!isUnsent(now)) this.maybeSent.delete(sent.question);
    this.events.changed(sent.question);
    try {
      // One below it is from before the device was full.
      await this.store.update(sent.question, (kept) => (kept && kept.sequence >= sequence ? acknowledge(kept, sequence) : now));
    } catch {
      // It is sent once more after a reload, which is harmless.
    }
    this.world.tell(now);
  }

  private async refuse(sent: Kept): Promise<void> {
    const now = this.get(sent.question);
    if (now.sequence !== sent.sequence) return;
    const refused: Kept = { ...now, refused: 'server' };
    this.all.set(sent.question, refused);
    this.events.changed(sent.question);
    await this.put(refused, sent.sequence);
  }

  private planAfter(seconds: number | undefined): void {
    const wait = pause(this.failures, this.world.random());
    this.cancel?.();
    this.cancel = this.world.later(Math.max(wait, (seconds ?? 0) * 1000), () => {
      this.cancel = undefined;
      this.run();
    });
  }

  /** Sets the alarm for what rests. */
  private plan(): void {
    if (this.cancel || this.stop) return; // after a failure its pause is the alarm
    const times = this.pending().filter((k) => !this.flying.has(k.question)).map((k) => this.due.get(k.question)?.at ?? -Infinity);
    if (times.length === 0) return;
    this.cancel = this.world.later(Math.max(0, Math.min(...times) - this.world.now()), () => {
      this.cancel = undefined;
      this.run();
    });
  }

  /** The server cannot be reached, as somebody else has found. */
  failed(reached: boolean): void {
    if (this.stop) return;
    this.failures = Math.max(this.failures, 1);
    this.reached = reached;
    if (!this.cancel && !this.running) this.planAfter(undefined);
    this.events.changed(undefined);
  }

  /** It can, as somebody else has found. */
  succeeded(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.events.changed(undefined);
    this.cancel?.();
    this.cancel = undefined;
    this.again = true;
    this.run();
  }

  halt(why: 'ended' | 'taken' | 'gone', receipt?: Receipt): void {
    if (this.stop) return;
    this.stop = why;
    this.cancel?.();
    this.cancel = undefined;
    this.events.stopped(why, receipt);
    this.settle();
  }

  /** Begins again after a halt. */
  resume(): void {
    this.stop = undefined;
    this.failures = 0;
    this.kick();
  }

  get stopped(): 'ended' | 'taken' | 'gone' | undefined {
    return this.stop;
  }

  /** Waits until everything that can be sent is acknowledged, or the queue has come to a halt. */
  drained(): Promise<void> {
    this.flush();
    return new Promise((resolve) => {
      this.waiters.push(resolve);
      this.settle();
    });
  }

  private settle(): void {
    if (!this.stop && (this.pending().length > 0 || this.flying.size > 0 || this.writing > 0)) return;
    const waiting = this.waiters;
    this.waiters = [];
    for (const resolve of waiting) resolve();
  }

  /** What to send when the page goes away without waiting for an answer. */
  leaving(): Kept[] {
    const list = this.stop ? [] : this.pending();
    for (const k of list) this.maybeSent.add(k.question);
    return list;
  }
}

function sameValue(a: Kept, b: Kept): boolean {
  return a.flagged === b.flagged && sameAnswer(a.answer, b.answer);
}

function same(a: Kept, b: Kept): boolean {
  return a.sequence === b.sequence && a.acked === b.acked && a.at === b.at && a.tried.length === b.tried.length;
}
