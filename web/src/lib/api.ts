// The JSON API, as every page calls it: with the session's cookie, and with one kind of error.

export interface FieldFault {
  location: string;
  message: string;
}

interface Body {
  code?: string;
  detail?: string;
  requestId?: string;
  errors?: FieldFault[];
}

// A Problem is an answer that is no success. No answer at all is one too: its status is 0 and its code "offline".
export class Problem extends Error {
  readonly code: string;
  readonly detail: string;
  readonly errors: FieldFault[];
  readonly requestId: string;

  constructor(
    readonly status: number,
    readonly body: any,
    readonly retryAfter?: number,
  ) {
    const said = (body ?? {}) as Body;
    super(said.detail || `The server answered ${status}.`);
    this.name = 'Problem';
    this.code = said.code || (status === 0 ? 'offline' : 'unknown');
    this.detail = said.detail || this.message;
    this.errors = said.errors ?? [];
    this.requestId = said.requestId ?? '';
  }
}

export interface CallOptions {
  ifMatch?: string | null;
  idempotencyKey?: string;
  signal?: AbortSignal;
  timeout?: number; // milliseconds; 30,000 unless told
  raw?: boolean; // the body is sent as it is: a file, a form
  headers?: Record<string, string>;
}

export interface Answer<T> {
  status: number;
  data: T;
  etag: string | null;
  headers: Headers;
}

// call asks the API and gives what it answered. It throws a Problem, or the signal's own reason when the caller gave up.
export async function call<T = any>(method: string, path: string, body?: unknown, opts: CallOptions = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json', ...opts.headers };
  if (opts.ifMatch) headers['If-Match'] = opts.ifMatch;
  if (opts.idempotencyKey) headers['Idempotency-Key'] = opts.idempotencyKey;
  if (body !== undefined && !opts.raw) headers['Content-Type'] = 'application/json';
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), opts.timeout ?? 30_000);
  const giveUp = () => limit.abort();
  if (opts.signal?.aborted) giveUp();
  opts.signal?.addEventListener('abort', giveUp);
  try {
    const response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      redirect: 'error',
      signal: limit.signal,
      body: body === undefined ? undefined : opts.raw ? (body as BodyInit) : JSON.stringify(body),
    });
    const data = await read(response);
    if (!response.ok) throw new Problem(response.status, data, seconds(response.headers.get('Retry-After')));
    return { status: response.status, data: data as T, etag: response.headers.get('ETag'), headers: response.headers };
  } catch (err) {
    if (err instanceof Problem) throw err;
    opts.signal?.throwIfAborted();
    throw new Problem(0, { code: 'offline', detail: 'The server could not be reached.' });
  } finally {
    clearTimeout(timer);
    opts.signal?.removeEventListener('abort', giveUp);
  }
}

// newKey is an Idempotency-Key: with it what was sent twice is done once. crypto.randomUUID is only there on https and localhost,
// and a server in an office is often tried without.
export const newKey = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!/[/+]json/.test(response.headers.get('Content-Type') ?? '')) return text;
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined; // something between here and the server answered in its stead
  }
}

function seconds(header: string | null): number | undefined {
  const n = Number(header);
  return header && Number.isFinite(n) ? n : undefined;
}
