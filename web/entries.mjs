// Which scripts are whose. The candidates' are a build of their own, so that no piece of theirs can hold an employer's code.
export const candidateScripts = ['candidate.ts', 'take.ts'];

// A service worker's address must stay the same, or an old one would never be replaced.
export const stableScripts = ['worker.ts'];
