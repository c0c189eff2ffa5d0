/** Input that the engine cannot work with. `problems` names every fault found, not only the first. */
export class TabularError extends Error {
  override readonly name = 'TabularError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** A fit that stopped because its caller asked for it. */
export class FitCancelled extends Error {
  override readonly name = 'FitCancelled';

  constructor(readonly treesDone: number) {
    super(`The fit was cancelled after ${treesDone} trees.`);
  }
}

/** Throws one error with all of `problems`, or returns when there are none. */
export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new TabularError(problems);
}
