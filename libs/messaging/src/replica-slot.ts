import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '@rhei/contracts';
import type { ClientConfig } from 'pg';
import { reasonOf } from './failure';
import type { Logger } from './logger';
import { Session } from './session';

const takeSql = `SELECT pg_try_advisory_lock(hashtextextended('rhei.replica.slot ' || $1 || ' ' || $2, 0)) AS taken`;
/** Milliseconds between attempts to come back, and for which the server may still believe in the session that was lost. */
const againAfter = 500;
const oldSessionLives = 7_000;

export interface ReplicaSlotOptions {
  service: ServiceName;
  /** The service's own database. The slot holds one session of its own there (not through a transaction-mode pooler). */
  database: string | ClientConfig;
  logger: Logger;
  /** Another replica has the number now. What was named by it must end, so the process has to. */
  onFatal(reason: string): void;
}

/**
 * The smallest number that no other live replica of the service holds. It names what each replica needs for itself on the
 * broker, such as a consumer group, so that replicas that come and go leave nothing behind.
 */
export class ReplicaSlot {
  private released = false;

  private constructor(readonly number: number, private readonly options: ReplicaSlotOptions, private session: Session) {
    this.watch();
  }

  /** Rejects when the database does not answer. */
  static async take(options: ReplicaSlotOptions): Promise<ReplicaSlot> {
    const session = await open(options);
    try {
      for (let number = 0; ; number++) {
        if (await holds(session, options.service, number)) return new ReplicaSlot(number, options, session);
      }
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async release(): Promise<void> {
    this.released = true;
    await this.session.close();
  }

  private watch(): void {
    this.session.onLost(() => void this.regain());
  }

  /** While the database is away nobody can take the number; afterwards it is taken again, or it is lost. */
  private async regain(): Promise<void> {
    const { service, logger, onFatal } = this.options;
    let refusedSince: number | undefined;
    while (!this.released) {
      await sleep(againAfter);
      let session: Session | undefined;
      try {
        session = await open(this.options);
        if (await holds(session, service, this.number)) {
          if (this.released) return await session.close();
          this.session = session;
          logger.info({ service, slot: this.number }, 'the replica holds its slot again');
          return this.watch();
        }
        refusedSince ??= performance.now();
        await session.close();
      } catch (error) {
        refusedSince = undefined;
        await session?.close();
        logger.debug({ service, slot: this.number, reason: reasonOf(error) }, 'the database does not answer; the replica asks for its slot again');
      }
      if (refusedSince !== undefined && performance.now() - refusedSince > oldSessionLives) {
        return onFatal(`Another replica of ${service} holds slot ${this.number}: this one lost its session with the database for too long.`);
      }
    }
  }
}

const open = ({ database, service, logger }: ReplicaSlotOptions): Promise<Session> => Session.open(database, { name: `rhei slot ${service}`, logger });

const holds = async (session: Session, service: ServiceName, number: number): Promise<boolean> =>
  (await session.query<{ taken: boolean }>('slot', takeSql, [service, String(number)]))[0].taken;
