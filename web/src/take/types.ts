/** An answer as the API takes it: an option's id, a list of them, true or false, a text, or null for none. */
export type Answer = string | string[] | boolean | null;

/** What the server keeps of a question. */
export interface ServerAnswer {
  questionId: string;
  answer: Answer;
  sequence: number;
  flagged: boolean;
  savedAt: string;
}

/** What the page brings along. */
export interface Start {
  id: string;
  startedAt: string;
  deadlineAt: string;
  serverNow: string;
  minutes: number; // of the limit, without extra time
  answers: ServerAnswer[];
  keep: string[]; // what the page is made of
}

/** A value that was sent without its fate being known: if the server has it, it is ours. */
export interface Try {
  sequence: number;
  answer: Answer;
  flagged: boolean;
}

/** An answer in words, and the place of its question. */
export interface Told {
  number: number;
  words: string;
}

/** What this device keeps of a question. It is yet to be sent while sequence is above acked. */
export interface Kept {
  question: string;
  answer: Answer;
  flagged: boolean;
  sequence: number;
  /** The server's sequence as far as this device knows; 0 for nothing. */
  acked: number;
  /** Orders the changes of all questions. */
  at: number;
  tried: Try[];
  /** Why it is not sent as it is: no number yet, or the server would not have it. */
  refused?: 'number' | 'server';
  /** The answer as people read it, for the day when it could not be sent. */
  told?: Told;
}

export interface Receipt {
  id: string;
  status: 'in_progress' | 'submitted' | 'expired';
  startedAt: string;
  deadlineAt: string;
  submittedAt: string | null;
}

/** What came of sending an answer. */
export type Outcome =
  | { kind: 'saved'; sequence: number; fresh: boolean }
  | { kind: 'refused' }
  | { kind: 'retry'; after?: number; reached: boolean }
  | { kind: 'ended'; receipt?: Receipt }
  | { kind: 'taken' }
  | { kind: 'gone' };
