/** What a person has chosen for the test on this device. Where the browser keeps nothing it lasts as long as the page. */
export interface Prefs {
  all: boolean; // all questions on one page
  keys: boolean; // single keys act
  clock: boolean; // the clock is shown
}

const name = 'credlane-take';

export function readPrefs(): Prefs {
  const prefs: Prefs = { all: false, keys: true, clock: true };
  try {
    const kept = JSON.parse(localStorage.getItem(name) ?? '{}') as Partial<Prefs>;
    for (const key of ['all', 'keys', 'clock'] as const) if (typeof kept[key] === 'boolean') prefs[key] = kept[key];
  } catch {
    // as if nothing had been chosen
  }
  return prefs;
}

export function writePrefs(prefs: Prefs): void {
  write(name, JSON.stringify(prefs));
}

const placeName = (attempt: string) => `${name}-place-${attempt}`;

/** The question where a person was; read before the first picture, which a database could not be. */
export function readPlace(attempt: string): number {
  try {
    return Number(localStorage.getItem(placeName(attempt))) || 1;
  } catch {
    return 1;
  }
}

export function writePlace(attempt: string, place: number): void {
  write(placeName(attempt), String(place));
}

/** Forgets what is of no use after the end. */
export function forgetPlace(attempt: string): void {
  try {
    localStorage.removeItem(placeName(attempt));
    localStorage.removeItem(doorName);
    if (isCurrent(attempt)) localStorage.removeItem(currentName);
  } catch {
    // nothing was kept
  }
}

const currentName = `${name}-current`;

/** Notes whose key the browser holds: there is one, so an attempt that is begun beside another ends that one here. */
export function claimAttempt(attempt: string): void {
  write(currentName, attempt);
}

export function isCurrent(attempt: string): boolean {
  try {
    return (localStorage.getItem(currentName) ?? attempt) === attempt;
  } catch {
    return true;
  }
}

const doorName = 'credlane-door';

/** Notes the page where the attempt begins: it opens it again when another device has taken over. */
export function keepDoor(path: string): void {
  write(doorName, path);
}

/** That page; null where none is known. */
export function door(): string | null {
  try {
    const path = localStorage.getItem(doorName) ?? '';
    return /^\/[ai]\/[\w-]+$/.test(path) ? path : null;
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it lasts as long as the page
  }
}
