import type { TopicName } from '@rhei/contracts';
import type { EventLog } from '@rhei/messaging';

/** Logs that are open in this process, by where they are. */
const open = new Map<string, EventLog[]>();

/**
 * Heads of a log, read once for all services of the process that ask at the same moment: whoever opened the log first reads
 * for all, and it joins the questions of one moment. A story asks thousands of times, six services at once.
 */
export class LogHeads {
  private readonly place: string;

  constructor(url: string, private readonly log: EventLog) {
    // A list of brokers is no URL that URL can read.
    this.place = url.replace(/^[a-z]+:\/\/([^@/?]*@)?/, '').replace(/\?.*$/, '');
    open.set(this.place, [...(open.get(this.place) ?? []), log]);
  }

  heads(topic: TopicName): Promise<number[]> {
    return (open.get(this.place)?.[0] ?? this.log).heads(topic);
  }

  close(): void {
    open.set(this.place, (open.get(this.place) ?? []).filter((log) => log !== this.log));
  }
}
