/** Called at a named point, such as `relay.before-send`; a test kills or stops the process there. */
export type CrashAt = (point: CrashPoint) => void | Promise<void>;

export type CrashPoint =
  | 'consumer.before-transaction'
  | 'consumer.effect-before-commit'
  | 'consumer.after-commit'
  | 'relay.before-send'
  | 'relay.after-send-before-mark'
  | 'relay.after-mark';
