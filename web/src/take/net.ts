import type { Kept, Outcome, Receipt, ServerAnswer } from './types.ts';

/** How the attempt stands, from the server. */
export interface Standing {
  submission: Receipt;
  serverNow: string;
  answers?: ServerAnswer[];
}

export type Said<T> = { kind: 'ok'; value: T; sent: number; received: number } | Exclude<Outcome, { kind: 'saved' }>;

const api = '/api/v1/public/submission';
const patience = 10_000; // ms until an answer counts as none

interface Problem {
  code?: string;
  submission?: Receipt;
}

/** Asks the server and words everything but success as an outcome. */
async function ask<T>(path: string, init: RequestInit = {}): Promise<Said<T>> {
  const sent = performance.now();
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, {
      credentials: 'same-origin', cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(patience), ...init,
      headers: { Accept: 'application/json', ...(init.body ? { 'Content-Type': 'application/json' } : {}) },
    });
    body = await response.json();
  } catch {
    return { kind: 'retry', reached: false };
  }
  if (response.ok) return { kind: 'ok', value: body as T, sent, received: performance.now() };
  return refusal(response, (body ?? {}) as Problem);
}

function refusal(response: Response, problem: Problem): Exclude<Outcome, { kind: 'saved' }> {
  const after = Number(response.headers.get('Retry-After'));
  switch (response.status) {
    case 401:
      return { kind: 'gone' };
    case 409:
      if (problem.code === 'session_taken') return { kind: 'taken' };
      return { kind: 'ended', ...(problem.submission ? { receipt: problem.submission } : {}) };
    case 400: case 404: case 413: case 415: case 422:
      return { kind: 'refused' };
  }
  return { kind: 'retry', reached: true, ...(Number.isFinite(after) && after > 0 ? { after: Math.min(after, 60) } : {}) };
}

interface Saved {
  savedAt: string;
  sequence: number;
  serverNow: string;
  deadlineAt: string;
}

const moment = 1000; // ms: what is saved now has the time of its saving for the server's

export type Heard = (serverNow: string, deadlineAt: string, sent: number, received: number) => void;

function put(kept: Kept): RequestInit {
  return { method: 'PUT', body: JSON.stringify({ answer: kept.answer, sequence: kept.sequence, flagged: kept.flagged }) };
}

export async function saveAnswer(kept: Kept, heard: Heard): Promise<Outcome> {
  const said = await ask<Saved>(`${api}/answers/${kept.question}`, put(kept));
  if (said.kind !== 'ok') return said;
  const { savedAt, sequence, serverNow, deadlineAt } = said.value;
  heard(serverNow, deadlineAt, said.sent, said.received);
  return { kind: 'saved', sequence, fresh: Math.abs(Date.parse(serverNow) - Date.parse(savedAt)) < moment };
}

/** Sends without waiting, while the page goes away. Browsers let about 64 KiB outlive it. */
export function saveLeaving(list: Kept[]): void {
  let room = 60_000;
  for (const kept of list) {
    const init = put(kept);
    room -= 2 * String(init.body).length + 200;
    if (room < 0) return;
    // Whatever comes of it, the answer is kept here too and sent again.
    fetch(`${api}/answers/${kept.question}`, { ...init, keepalive: true, credentials: 'same-origin', headers: { 'Content-Type': 'application/json' } }).catch(() => undefined);
  }
}

export function standing(withAnswers: boolean): Promise<Said<Standing>> {
  return ask<Standing>(withAnswers ? '/take/state?answers' : '/take/state');
}

export function submit(): Promise<Said<{ submission: Receipt; serverNow: string }>> {
  return ask(`${api}/submit`, { method: 'POST', body: '{}' });
}
