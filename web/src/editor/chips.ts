// Chips are short texts in a row: tags and accepted answers.

/** chipTexts are the texts of a row of chips, with what is typed but not added yet. */
export function chipTexts(row: HTMLElement): string[] {
  const list = [...row.querySelectorAll<HTMLElement>('[data-chip]')].map((c) => c.dataset.chip!);
  const typed = row.querySelector('input')!.value.trim();
  if (typed && !list.includes(typed) && list.length < Number(row.dataset.max)) list.push(typed);
  return list;
}

/** bindChips makes the rows of root work; changed is called after each change. */
export function bindChips(root: HTMLElement, changed: () => void): void {
  root.addEventListener('keydown', (e) => {
    const input = (e.target as Element).closest<HTMLInputElement>('[data-chips] input');
    if (!input || e.isComposing) return;
    const row = input.closest<HTMLElement>('[data-chips]')!;
    if (e.key === 'Enter') {
      e.preventDefault();
      if (add(row, input)) changed();
    } else if (e.key === 'Backspace' && input.value === '') {
      const last = [...row.querySelectorAll<HTMLElement>('[data-chip]')].pop();
      if (!last) return;
      input.value = last.dataset.chip!; // taken back to mend, not thrown away
      last.remove();
      e.preventDefault();
      changed();
    }
  });
  root.addEventListener('focusout', (e) => {
    const input = (e.target as Element).closest<HTMLInputElement>('[data-chips] input');
    if (input && add(input.closest<HTMLElement>('[data-chips]')!, input)) changed();
  });
  root.addEventListener('click', (e) => {
    const remove = (e.target as Element).closest('[data-chip-remove]');
    const row = remove?.closest<HTMLElement>('[data-chips]');
    if (!remove || !row) return;
    remove.closest('[data-chip]')!.remove();
    row.querySelector('input')!.focus();
    changed();
  });
}

function add(row: HTMLElement, input: HTMLInputElement): boolean {
  const text = input.value.trim();
  if (!text) return false;
  const chips = [...row.querySelectorAll<HTMLElement>('[data-chip]')];
  input.value = '';
  if (chips.some((c) => c.dataset.chip === text) || chips.length >= Number(row.dataset.max)) return false;
  const shape = document.querySelector<HTMLTemplateElement>('#chip-row')!.content.firstElementChild!;
  const chip = shape.cloneNode(true) as HTMLElement;
  chip.dataset.chip = text;
  chip.querySelector('[data-chip-text]')!.textContent = text;
  chip.querySelector('[data-chip-remove]')?.setAttribute('aria-label', `Remove ${text}`);
  input.before(chip);
  return true;
}
