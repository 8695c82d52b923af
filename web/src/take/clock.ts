/**
 * The server's clock, seen from here. It counts on by a monotonic clock, so that a jump of the device's own time changes nothing; of
 * several looks at the server's the one with the shortest way counts, for a while.
 */
export class ServerClock {
  private offset = 0; // the server's time minus now()
  private doubt = Infinity; // how far off it may be, in ms
  private looked = -Infinity;
  private deadline = 0;

  constructor(private readonly now: () => number) {}

  /** Notes what the server said in an answer to what was sent at `sent` and came back at `received`, both by now(). */
  sync(serverNow: string, sent: number, received: number): void {
    const at = Date.parse(serverNow);
    if (!Number.isFinite(at)) return;
    const doubt = Math.max(0, received - sent) / 2;
    // Clocks drift apart, and a sleeping device may have stood still: an old look is worth less and less.
    const aged = this.doubt + (received - this.looked) / 60;
    if (doubt > aged) return;
    this.offset = at - (received - doubt);
    this.doubt = doubt;
    this.looked = received;
  }

  /** Takes the next look whatever its way was: this one cannot be trusted any more. */
  distrust(): void {
    this.doubt = Infinity;
  }

  setDeadline(deadlineAt: string): boolean {
    const at = Date.parse(deadlineAt);
    if (!Number.isFinite(at) || at === this.deadline) return false;
    this.deadline = at;
    return true;
  }

  get deadlineAt(): number {
    return this.deadline;
  }

  serverNow(): number {
    return this.now() + this.offset;
  }

  /** Milliseconds until the deadline, at least 0. */
  left(): number {
    return Math.max(0, this.deadline - this.serverNow());
  }
}

/** The last minutes are shown to the second. */
export const lastMinutes = 5 * 60_000;

/** m:ss, a begun second counted. */
export function exact(left: number): string {
  const seconds = Math.ceil(left / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Whole minutes, a begun one counted. */
export function minutes(left: number): number {
  return Math.ceil(left / 60_000);
}

/** Says once, at 5 minutes and at 1 minute, that they have come; more time makes it say so again. */
export class Warnings {
  private said = new Set<5 | 1>();

  due(left: number): 5 | 1 | undefined {
    for (const mark of [5, 1] as const) {
      if (left > mark * 60_000) this.said.delete(mark);
    }
    if (left <= 0) return undefined;
    const mark = left <= 60_000 ? 1 : left <= lastMinutes ? 5 : undefined;
    if (mark === undefined || this.said.has(mark)) return undefined;
    this.said.add(mark);
    if (mark === 1) this.said.add(5);
    return mark;
  }
}
