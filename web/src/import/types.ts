// What the import's API says, and what this page makes of it.

export interface Issue {
  row: number;
  column: string; // a letter, or "" for the whole row
  code: string;
  message: string;
  fix?: { value: string };
}

export interface PreviewRow {
  row: number;
  state: 'right' | 'odd' | 'wrong';
  cells: string[];
  cut?: string[];
}

export interface Preview {
  headerRow: number;
  headerCells: string[];
  rows: PreviewRow[];
  lastRow: number;
}

export interface FileFacts {
  name: string;
  format: 'csv' | 'xlsx';
  encoding: string;
  delimiter: string;
  sheet: string;
  sheets: string[];
  header: boolean;
}

export interface Report {
  id: string;
  accepted: number;
  rejected: number;
  warned: number;
  errors: Issue[];
  errorCount: number;
  warnings: Issue[];
  warningCount: number;
  file: FileFacts;
  mapping: Record<string, string>;
  answerBase: string;
  preview?: Preview;
}

export interface Reading {
  answerBase: string;
  rows: { row: number; prompt: string; cell: string; means: string[] }[];
}

// How the person says the file is to be read; what is absent is found out by the server.
export interface Options {
  sheet?: string;
  delimiter?: string;
  encoding?: string;
  header?: 'true' | 'false';
  answerBase?: string;
  mapping?: Record<string, string>;
}

export interface Edit {
  row: number;
  column: string;
  value: string;
  was: string; // the file's own value
}

export const maxUpload = 20 * 1024 * 1024; // bytes of the whole form, as the API has it
export const formRoom = 64 * 1024; // for the options beside the file
export const previewRows = 200; // rows without a problem that one preview shows
