// A question as its form says it, in the words of the API.

export interface Option {
  id: string;
  text: string;
}

export interface Key {
  optionId?: string;
  optionIds?: string[];
  value?: boolean | string;
  accepted?: string[];
  caseSensitive?: boolean;
  tolerance?: string;
  toleranceKind?: string;
}

export interface Question {
  id: string;
  position: number;
  type: string;
  prompt: string;
  options: Option[];
  points: number | string;
  tags: string[];
  difficulty: string;
  explanation: string;
  creditRule: string;
  answerKey: Key | null;
  etag?: string;
}

/** Form is what of a question can be changed. */
export type Form = Omit<Question, 'id' | 'position' | 'etag'>;

export const choiceTypes = ['single_choice', 'multiple_choice'];

export const kindNames: Record<string, string> = {
  single_choice: 'single choice', multiple_choice: 'multiple choice', true_false: 'true or false', short_text: 'short text', numeric: 'numeric',
};

/** formOf drops what cannot be changed, and says each thing in one way only. */
export function formOf(q: Question): Form {
  return { type: q.type, prompt: q.prompt, options: q.options, points: String(q.points), tags: q.tags, difficulty: q.difficulty,
    explanation: q.explanation, creditRule: q.creditRule, answerKey: q.answerKey };
}

/** The parts of a question that are sent together: the key means nothing without its type and options. */
const answer: (keyof Form)[] = ['type', 'options', 'answerKey', 'creditRule'];
const single: (keyof Form)[] = ['prompt', 'points', 'tags', 'difficulty', 'explanation'];

/** difference is what to send so that base becomes form; null for nothing. */
export function difference(base: Form, form: Form): Partial<Form> | null {
  const changed: Record<string, unknown> = {};
  for (const name of single) if (!same(base[name], form[name])) changed[name] = sent(name, form);
  if (answer.some((name) => !same(base[name], form[name]))) {
    changed.type = form.type;
    if (choiceTypes.includes(form.type)) changed.options = form.options;
    if (form.type === 'multiple_choice') changed.creditRule = form.creditRule;
    changed.answerKey = form.answerKey;
  }
  return Object.keys(changed).length ? (changed as Partial<Form>) : null;
}

/** whole is all of a form, to make a question of it or to put it in another's place. */
export function whole(form: Form): Partial<Form> {
  const all: Record<string, unknown> = { type: form.type, answerKey: form.answerKey };
  for (const name of single) all[name] = sent(name, form);
  if (choiceTypes.includes(form.type)) all.options = form.options;
  if (form.type === 'multiple_choice') all.creditRule = form.creditRule;
  return all as Partial<Form>;
}

function sent(name: keyof Form, form: Form): unknown {
  return name === 'points' ? Number(form.points) : form[name];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** alike tells whether two forms ask and mark the same, whatever ids their options have. */
export function alike(a: Form, b: Form): boolean {
  return JSON.stringify(bare(a)) === JSON.stringify(bare(b));
}

function bare(f: Form): unknown {
  const { options, answerKey, ...rest } = f;
  const place = new Map(options.map((o, i) => [o.id, i]));
  const right = answerKey?.optionIds ?? (answerKey?.optionId ? [answerKey.optionId] : null);
  return [Object.entries(rest).sort(), options.map((o) => o.text), right ? right.map((id) => place.get(id)).sort() : sorted(answerKey)];
}

function sorted(key: Key | null): unknown {
  return key && Object.entries(key).sort();
}

/** lines say a form for people, one line a thing, to lay two of them side by side. */
export function lines(f: Form): [string, string][] {
  const right = new Set(f.answerKey?.optionIds ?? (f.answerKey?.optionId ? [f.answerKey.optionId] : []));
  const list: [string, string][] = [['Type', kindNames[f.type] ?? f.type], ['Question', f.prompt]];
  if (choiceTypes.includes(f.type)) list.push(['Answers', f.options.map((o) => `${right.has(o.id) ? '✓' : '–'} ${o.text}`).join('\n')]);
  else list.push(['Answer', keyLine(f)]);
  if (f.type === 'multiple_choice') list.push(['Marking', f.creditRule === 'exact' ? 'All or nothing' : 'Partial credit, wrong ticks cost']);
  list.push(['Points', String(f.points)], ['Difficulty', f.difficulty], ['Tags', f.tags.join(', ')], ['Why this is the answer', f.explanation]);
  return list;
}

function keyLine(f: Form): string {
  const k = f.answerKey;
  if (!k) return 'None marked';
  if (f.type === 'true_false') return k.value ? 'True' : 'False';
  if (f.type === 'short_text') return (k.accepted ?? []).join(', ') + (k.caseSensitive ? ' (capitals count)' : '');
  return `${k.value} ± ${k.tolerance}${k.toleranceKind === 'percent' ? ' %' : ''}`;
}
