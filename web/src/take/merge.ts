import type { Answer, Kept, ServerAnswer, Told, Try } from './types.ts';

/** Tries whose fate is unknown are few: more than these only after as many failures in a row. */
const maxTries = 8;

export function sameAnswer(a: Answer, b: Answer): boolean {
  return JSON.stringify(normal(a)) === JSON.stringify(normal(b));
}

function normal(a: Answer): Answer {
  if (Array.isArray(a)) return a.length === 0 ? null : [...a].sort();
  return typeof a === 'string' && a.trim() === '' ? null : a;
}

export function blank(question: string): Kept {
  return { question, answer: null, flagged: false, sequence: 0, acked: 0, at: 0, tried: [] };
}

export function fromServer(s: ServerAnswer, at = 0): Kept {
  return { question: s.questionId, answer: s.answer, flagged: s.flagged, sequence: s.sequence, acked: s.sequence, at, tried: [] };
}

export function isPending(k: Kept): boolean {
  return k.sequence > k.acked && !k.refused;
}

/** Whether the question counts as answered: what is no number yet does not. */
export function isAnswered(k: Kept): boolean {
  return k.answer !== null && k.refused !== 'number';
}

/** Anything that the server lacks, sendable or not. */
export function isUnsent(k: Kept): boolean {
  return k.sequence > k.acked;
}

/** The next state after a change here. maybeSent: what stood before may have reached the server. */
export function change(before: Kept, to: { answer?: Answer; flagged?: boolean; told?: Told }, at: number, maybeSent: boolean): Kept {
  const tried = isUnsent(before) && maybeSent ? remember(before) : before.tried;
  const after: Kept = {
    ...before,
    answer: to.answer === undefined ? before.answer : to.answer,
    flagged: to.flagged === undefined ? before.flagged : to.flagged,
    sequence: Math.max(before.sequence, before.acked) + 1,
    at,
    tried,
  };
  if (to.answer !== undefined) delete after.refused;
  if (to.told) after.told = to.told;
  return after;
}

function remember(k: Kept): Try[] {
  return [...k.tried.filter((t) => t.sequence !== k.sequence), { sequence: k.sequence, answer: k.answer, flagged: k.flagged }].slice(-maxTries);
}

/** The state once the server has said that it keeps the sequence. */
export function acknowledge(k: Kept, sequence: number): Kept {
  const acked = Math.max(k.acked, sequence);
  return { ...k, acked, sequence: Math.max(k.sequence, acked), tried: k.tried.filter((t) => t.sequence > acked) };
}

export interface Merged {
  kept: Kept;
  /** What was answered here and lost against a later answer from elsewhere: it is shown, never dropped in silence. */
  lost?: Kept;
}

/**
 * Joins what this device keeps with what the server has. A change made here on top of what the server has is still to be sent. When
 * somebody else has changed it since, the server's stands. fresh: the server has just said so; what a kept page says may be old.
 */
export function merge(kept: Kept | undefined, server: ServerAnswer | undefined, fresh: boolean): Merged {
  if (!kept) return { kept: server ? fromServer(server) : blank('') };
  const sequence = server ? server.sequence : 0;
  if (sequence < kept.acked) {
    // The server has lost what it acknowledged (restored from a copy, say): it gets it again.
    return { kept: fresh ? { ...kept, acked: sequence } : kept };
  }
  if (!server || sequence === kept.acked) return { kept };
  if (!isUnsent(kept) || (sameAnswer(kept.answer, server.answer) && kept.flagged === server.flagged)) {
    return { kept: fromServer(server, kept.at) };
  }
  if (isOwn(kept, server)) return { kept: acknowledge(kept, sequence) };
  if (sameAnswer(kept.answer, server.answer)) {
    return { kept: { ...kept, answer: server.answer, acked: sequence, sequence: Math.max(kept.sequence, sequence + 1), tried: [] } };
  }
  return { kept: fromServer(server, kept.at), lost: kept };
}

function isOwn(kept: Kept, server: ServerAnswer): boolean {
  return kept.tried.some((t) => t.sequence === server.sequence && t.flagged === server.flagged && sameAnswer(t.answer, server.answer));
}

/** Of two states of one question on this device, from two of its tabs, the later one, with all that either knows of the server. */
export function absorb(mine: Kept | undefined, other: Kept): Kept {
  if (!mine) return other;
  // Two changes under one number are both not written down yet: the device's store will say which has which.
  const later = other.sequence > mine.sequence ? other : mine;
  return acknowledge(later, Math.max(mine.acked, other.acked));
}
