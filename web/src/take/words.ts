type Text = string | { one: string; other: string };

/** Says texts of the catalogue, which the page brings along in the reader's language. */
export class Words {
  constructor(private readonly texts: Record<string, Text>, private readonly quote: (value: string) => string) {}

  /** The text of run.KEY with its values; n chooses the form. */
  say(key: string, values: Record<string, string | number> = {}): string {
    const text = this.texts[`run.${key}`];
    if (text === undefined) throw new Error(`The catalogue lacks run.${key}.`);
    const form = typeof text === 'string' ? text : values['n'] === 1 ? text.one : text.other;
    return form.replace(/\{(\w+)\}/g, (_, name: string) => this.quote(String(values[name] ?? '')));
  }
}

/** In a page that runs from right to left a value keeps its direction to itself. */
export function pageWords(): Words {
  const rtl = document.documentElement.dir === 'rtl';
  return new Words(JSON.parse(document.getElementById('words')?.textContent ?? '{}'), (v) => (rtl ? `\u2068${v}\u2069` : v));
}
