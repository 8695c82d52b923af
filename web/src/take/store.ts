import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Kept } from './types.ts';

/** What this device knows of an attempt beside its answers. */
export interface Meta {
  attempt: string;
  deadlineAt: string;
  /** The server's time minus the device's own, for a start without a network; the page's clock trusts it only until it can ask. */
  skew: number;
  touched: number;
}

/** Where answers are kept. Each method is whole or not at all. */
export interface Store {
  /** Whether all of it outlives the page. */
  readonly lasting: boolean;
  all(): Promise<Kept[]>;
  /** Changes one question's state by what is there now, whoever of the device's tabs wrote it. */
  update(question: string, next: (now: Kept | undefined) => Kept | undefined): Promise<Kept | undefined>;
  meta(): Promise<Meta | undefined>;
  setMeta(meta: Meta): Promise<void>;
  /** Deletes all of the attempt. */
  clear(): Promise<void>;
}

/** For browsers that keep nothing: it lasts as long as the page. */
export class MemoryStore implements Store {
  readonly lasting = false;
  private answers = new Map<string, Kept>();
  private about: Meta | undefined;

  async all(): Promise<Kept[]> {
    return [...this.answers.values()];
  }
  async update(question: string, next: (now: Kept | undefined) => Kept | undefined): Promise<Kept | undefined> {
    const before = this.answers.get(question);
    const after = next(before);
    if (after) this.answers.set(question, after);
    return after ?? before;
  }
  async meta(): Promise<Meta | undefined> {
    return this.about;
  }
  async setMeta(meta: Meta): Promise<void> {
    this.about = meta;
  }
  async clear(): Promise<void> {
    this.answers.clear();
    this.about = undefined;
  }
}

interface Layout extends DBSchema {
  answers: { key: [string, string]; value: Kept & { attempt: string } };
  attempts: { key: string; value: Meta };
}

const databaseName = 'credlane-take';
const oldAge = 30 * 24 * 3600_000;

export function open(): Promise<IDBPDatabase<Layout>> {
  return openDB<Layout>(databaseName, 1, {
    upgrade(db) {
      db.createObjectStore('answers', { keyPath: ['attempt', 'question'] });
      db.createObjectStore('attempts', { keyPath: 'attempt' });
    },
  });
}

const ofAttempt = (attempt: string) => IDBKeyRange.bound([attempt, ''], [attempt, '\uffff']);

export class DeviceStore implements Store {
  private readonly unwritten = new Set<string>(); // questions whose newest state the device would not take: it may be full

  constructor(private readonly db: IDBPDatabase<Layout>, private readonly attempt: string) {}

  async all(): Promise<Kept[]> {
    return this.db.getAll('answers', ofAttempt(this.attempt));
  }

  get lasting(): boolean {
    return this.unwritten.size === 0;
  }

  async update(question: string, next: (now: Kept | undefined) => Kept | undefined): Promise<Kept | undefined> {
    try {
      const kept = await this.write(question, next);
      this.unwritten.delete(question);
      return kept;
    } catch (err) {
      this.unwritten.add(question);
      throw err;
    }
  }

  private async write(question: string, next: (now: Kept | undefined) => Kept | undefined): Promise<Kept | undefined> {
    const tx = this.db.transaction('answers', 'readwrite', { durability: 'strict' });
    const before = await tx.store.get([this.attempt, question]);
    const after = next(before);
    await Promise.all([after && tx.store.put({ ...after, attempt: this.attempt }), tx.done]);
    return after ?? before;
  }

  async meta(): Promise<Meta | undefined> {
    return this.db.get('attempts', this.attempt);
  }

  async setMeta(meta: Meta): Promise<void> {
    await this.db.put('attempts', meta);
  }

  async clear(): Promise<void> {
    await clearAttempt(this.db, this.attempt);
  }

  /** Deletes what is left of other attempts: all that was sent, and what nobody came back for. */
  async tidy(now: number): Promise<void> {
    for (const other of await this.db.getAll('attempts')) {
      if (other.attempt === this.attempt) continue;
      const unsent = (await this.db.getAll('answers', ofAttempt(other.attempt))).some((k) => k.sequence > k.acked);
      if (!unsent || now - other.touched > oldAge) await clearAttempt(this.db, other.attempt);
    }
  }
}

export async function clearAttempt(db: IDBPDatabase<Layout>, attempt: string): Promise<void> {
  const tx = db.transaction(['answers', 'attempts'], 'readwrite');
  await tx.objectStore('answers').delete(ofAttempt(attempt));
  await tx.objectStore('attempts').delete(attempt);
  await tx.done;
}

export async function keptOf(db: IDBPDatabase<Layout>, attempt: string): Promise<Kept[]> {
  return db.getAll('answers', ofAttempt(attempt));
}

/** The device's own keeping, or the page's memory where the browser allows none (a private window, a full disk). */
export async function openStore(attempt: string): Promise<Store> {
  try {
    const store = new DeviceStore(await open(), attempt);
    await store.update('', (now) => now); // a read and an empty write: some browsers refuse only here
    await store.tidy(Date.now());
    return store;
  } catch {
    return new MemoryStore();
  }
}
