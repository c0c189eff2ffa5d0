/** A model file that will not be loaded. `problems` names each fault and where it is. */
export class ModelRefused extends Error {
  override readonly name = 'ModelRefused';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}
