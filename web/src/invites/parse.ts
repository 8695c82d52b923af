// Reads people out of whatever was pasted: a line each, several in a line, with names, or a table with a header. It is a preview:
// what the API says of each address is the truth.

export interface Person { email: string; name?: string; line: number }

export interface Bad {
  line: number;
  text: string; // as it stands in the box
  why: string;
  fix?: string; // the one sure way to mend it
}

export interface Parsed { people: Person[]; bad: Bad[]; twice: number }

// What is longer than any address with a name is not looked at closely: it could keep the browser busy for long.
const longest = 500;
const address = /^[^\s@<>,;"()]+@[^\s@<>,;"()]+$/;
const commaForDot = /([^\s@<>,;"]+@([^\s@<>,;"]*[^\s@<>,;".])),([a-z]{2,})\b(?![^\s,;]*@)/i;
// After a domain that has a dot already, a word is far more often a name than the end of the domain, unless it is one of these.
const endings = /^(com|net|org|edu|gov|info|uk)$/;

export function parse(text: string): Parsed {
  const out: Parsed = { people: [], bad: [], twice: 0 };
  const seen = new Set<string>();
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const table = header(lines);
  lines.forEach((line, i) => {
    if (line.trim() === '' || table?.at === i) return;
    const found = table ? row(line, table, i + 1) : loose(line, i + 1);
    out.bad.push(...found.bad);
    for (const person of found.people) {
      const key = person.email.toLowerCase();
      if (seen.has(key)) out.twice++;
      else {
        seen.add(key);
        out.people.push(person);
      }
    }
  });
  return out;
}

type Found = { people: Person[]; bad: Bad[] };

// loose reads `a@b`, `Name <a@b>`, `Surname, Name <a@b>`, `a@b, Name` and any number of addresses beside each other.
function loose(line: string, n: number): Found {
  const comma = line.length <= longest ? commaForDot.exec(line) : null;
  const [whole = '', head = '', domain = '', end = ''] = comma ?? [];
  if (comma && (!domain.includes('.') || endings.test(end))) {
    return { people: [], bad: [{ line: n, text: whole, why: 'has a comma where a dot should be', fix: `${head}.${end}` }] };
  }
  const out: Found = { people: [], bad: [] };
  const words: string[] = [];
  let fresh = false; // the piece before is a word
  for (const piece of pieces(line)) {
    if (!piece.includes('@')) {
      words.push(piece);
      fresh = true;
      continue;
    }
    const named = piece.length <= longest ? /^(.*)<([^<>]*)>$/.exec(piece) : null;
    const given = named?.[1] ?? '';
    const surname = fresh && given.trim() !== '' && !given.includes('"') ? unquoted(words.pop() ?? '') : '';
    fresh = false;
    judge(out, { email: (named?.[2] ?? piece).trim().replace(/^mailto:/i, ''), name: `${unquoted(given)} ${surname}`.trim(), line: n });
  }
  const only = out.people.length === 1 && out.bad.length === 0 ? out.people[0] : undefined;
  if (only) {
    only.name ||= words.map(unquoted).filter((w) => !/^\d+\s*%?$/.test(w)).join(' ');
  } else {
    for (const word of words) out.bad.push({ line: n, text: word, why: 'is not an e-mail address' });
  }
  return out;
}

function judge(out: Found, person: Person): void {
  const { email, line } = person;
  if (email.length > longest) {
    out.bad.push({ line, text: email, why: 'is longer than any e-mail address' });
    return;
  }
  const bad = (why: string, fix?: string): void => { out.bad.push({ line, text: email, why, fix }); };
  const [, domain = ''] = email.split('@');
  if ((email.match(/@/g) ?? []).length > 1) return bad('has more than one @');
  if (/\s/.test(email)) return bad('has a space in it', address.test(email.replace(/\s/g, '')) ? email.replace(/\s/g, '') : undefined);
  if (/\.$/.test(email)) return bad('ends with a dot', email.replace(/\.+$/, ''));
  if (/\.\./.test(email)) return bad('has two dots in a row', email.replace(/\.{2,}/g, '.'));
  if (!address.test(email)) return bad('is not an e-mail address');
  if (!domain.includes('.')) return bad('has no dot after the @');
  out.people.push(person);
}

// pieces takes a line apart at commas, semicolons and tabs outside of quotation marks and angle brackets. Spaces part nothing
// but addresses that follow each other.
function pieces(line: string): string[] {
  const list: string[] = [];
  let piece = '';
  let quoted = false;
  let inside = false;
  for (const c of line) {
    if (c === '"') quoted = !quoted;
    if (c === '<') inside = true;
    if (c === '>') inside = false;
    if (!quoted && !inside && (c === ',' || c === ';' || c === '\t')) {
      list.push(piece);
      piece = '';
    } else piece += c;
  }
  list.push(piece);
  return list.flatMap(apart).map((p) => p.trim()).filter(Boolean);
}

// apart parts addresses that have only spaces between them: each word has its own @.
function apart(piece: string): string[] {
  const words = piece.trim().split(/\s+/);
  return words.length > 1 && !piece.includes('<') && words.every((w) => w.includes('@')) ? words : [piece];
}

const unquoted = (text: string): string => text.trim().replace(/^["']+|["']+$/g, '').trim();

interface Table { at: number; delimiter: string; email: number; name: number; first: number; last: number }

const headings: Record<string, keyof Omit<Table, 'at' | 'delimiter'>> = {
  email: 'email', mail: 'email', emailaddress: 'email', address: 'email', candidateemail: 'email',
  name: 'name', fullname: 'name', candidate: 'name', candidatename: 'name',
  firstname: 'first', givenname: 'first', lastname: 'last', surname: 'last', familyname: 'last',
};

function header(lines: string[]): Table | null {
  const at = lines.findIndex((l) => l.trim() !== '');
  const line = lines[at] ?? '';
  if (line.includes('@')) return null;
  for (const delimiter of [',', ';', '\t']) {
    const table: Table = { at, delimiter, email: -1, name: -1, first: -1, last: -1 };
    cells(line, delimiter).forEach((cell, i) => {
      const what = headings[cell.toLowerCase().replace(/[\s_-]/g, '')];
      if (what && table[what] < 0) table[what] = i;
    });
    if (table.email >= 0) return table;
  }
  return null;
}

function row(line: string, t: Table, n: number): Found {
  const out: Found = { people: [], bad: [] };
  const all = cells(line, t.delimiter);
  if (all.every((text) => text === '')) return out; // spreadsheets end with such rows
  const cell = (i: number): string => (i < 0 ? '' : all[i] ?? '');
  const name = cell(t.name) || `${cell(t.first)} ${cell(t.last)}`.trim();
  const email = cell(t.email);
  if (!email.includes('@')) out.bad.push({ line: n, text: email || line.trim(), why: 'is not an e-mail address' });
  else judge(out, { email, name, line: n });
  return out;
}

function cells(line: string, delimiter: string): string[] {
  const list: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? '';
    if (quoted && c === '"' && line[i + 1] === '"') {
      cell += c;
      i++;
    } else if (c === '"') quoted = !quoted;
    else if (c === delimiter && !quoted) {
      list.push(cell.trim());
      cell = '';
    } else cell += c;
  }
  list.push(cell.trim());
  return list;
}
