import { createHash } from 'node:crypto';
import { invalid, notFound, type runtime } from '@rhei/contracts';
import {
  countDeadLetters, deadLetterClasses, deadLetters, dropDeadLetter, openDeadLetter, payloadAsJson, replayDeadLetter,
  type DeadLetter, type DeadLetterAct, type DeadLetterClass, type DeadLetterFilter, type Replayed, type ReplayOptions,
} from '@rhei/messaging';
import { readers, type Role } from './auth';
import { systemTime } from './clock';
import { named } from './dispatch';
import type { RunningService } from './running-service';
import type { Call, Rpc } from './service';
import type { DecisionToRecord, Transaction } from './transaction';

const LARGEST_PAGE = 1_000;
const LONGEST_REASON = 1_000;
/** Of a call that handles many events: the next one is not begun with less than this left, in milliseconds. */
const LAST_BEGIN = 5_000;
const operators: Role[] = ['operator', 'admin'];

/** The part of OperationsService that is about events which could not be applied. What is done about one is a decision. */
export function deadLetterMethods(services: ReadonlyMap<string, RunningService>): Rpc['methods'] {
  return {
    listDeadLetters: {
      roles: readers, deadline: 5_000,
      handle: async (request: runtime.ListDeadLettersRequest): Promise<runtime.ListDeadLettersResponse> => {
        const { database } = named(services, request.service);
        const filter = filterOf(request);
        const [letters, total] = await Promise.all([deadLetters(database, filter), countDeadLetters(database, filter)]);
        return { deadLetters: letters.map(asMessage), total };
      },
    },
    getDeadLetter: {
      roles: readers, deadline: 5_000,
      handle: async ({ service, id }: runtime.GetDeadLetterRequest): Promise<runtime.GetDeadLetterResponse> => {
        const letter = await openDeadLetter(named(services, service).database, checkedId(id));
        if (!letter) throw notFound(`Service ${service} has no dead letter ${id}: it was replayed or dropped, or never was.`, { field: 'id', got: id });
        const read = payloadAsJson(letter);
        return {
          deadLetter: asMessage(letter), headers: letter.headers, payload: letter.payload, digest: createHash('sha256').update(letter.payload).digest('hex'),
          payloadJson: 'json' in read ? read.json : '', unreadable: 'fault' in read ? read.fault : '', waitingEventIds: letter.waitingIds,
        };
      },
    },
    replayDeadLetter: {
      roles: operators, deadline: 20_000,
      handle: async ({ service, id, reason }: runtime.ReplayDeadLetterRequest, call: Call): Promise<runtime.ReplayDeadLetterResponse> =>
        answer(await replayDeadLetter(optionsOf(named(services, service), call, 'replay-dead-letter', checkedReason(reason)), checkedId(id))),
    },
    dropDeadLetter: {
      roles: operators, deadline: 20_000,
      handle: async ({ service, id, reason }: runtime.DropDeadLetterRequest, call: Call): Promise<runtime.DropDeadLetterResponse> => {
        if (reason.trim() === '') throw invalid('A dead letter is dropped for a reason: expected one, got none. It stays with the decision.', { field: 'reason', expected: 'a text' });
        return answer(await dropDeadLetter(optionsOf(named(services, service), call, 'drop-dead-letter', checkedReason(reason)), checkedId(id)));
      },
    },
  };
}

export const asMessage = ({ group, offset, firstFailure, ...letter }: DeadLetter): runtime.DeadLetter => ({
  id: letter.id, subscription: group, eventType: letter.eventType, eventId: letter.eventId, key: letter.key, topic: letter.topic, partition: letter.partition,
  position: offset, reason: letter.reason, failedAt: firstFailure, deadAt: letter.deadAt, class: letter.class, attempts: letter.attempts, parks: letter.parks, waiting: letter.waiting,
});

function filterOf({ eventType, class: kind, olderThan, after, limit }: runtime.ListDeadLettersRequest): DeadLetterFilter {
  if (limit < 0 || limit > LARGEST_PAGE) throw invalid(`A page has 1 to ${LARGEST_PAGE} dead letters: got ${limit}.`, { field: 'limit', got: String(limit) });
  if (kind !== '' && !deadLetterClasses.includes(kind as DeadLetterClass)) {
    throw invalid(`There is no class "${kind}" of dead letters: expected ${deadLetterClasses.join(', ')}.`, { field: 'class', expected: deadLetterClasses.join(', '), got: kind });
  }
  return {
    limit: limit || LARGEST_PAGE, ...(eventType !== '' && { eventType }), ...(kind !== '' && { class: kind as DeadLetterClass }),
    ...(olderThan > 0 && { before: systemTime() - olderThan }), ...(after !== '' && { after: checkedId(after) }),
  };
}

function optionsOf({ subscriptions, name }: RunningService, call: Call, action: string, why: string): ReplayOptions<Transaction> {
  const { replaying } = subscriptions;
  if (!replaying) throw notFound(`Service ${name} hears nothing, so it has no dead letters.`, { field: 'service', got: name });
  return {
    ...replaying,
    goOn: () => call.remaining() > LAST_BEGIN && !call.signal.aborted,
    // What follows a dropped event is replayed by the same person for the same reason.
    note: (tx, act) => tx.decide(decisionOf(act, act.outcome === 'dropped' ? action : 'replay-dead-letter', call.principal.name, why)),
  };
}

/** The event is named by its id: it is what an auditor finds it by, and no story replays dead letters. */
const decisionOf = ({ letter, digest, outcome, reason, follows }: DeadLetterAct, action: string, by: string, why: string): DecisionToRecord => ({
  subject: `dead-letter/${letter.topic}/${letter.key}`, action, by,
  inputs: {
    eventId: letter.eventId, eventType: letter.eventType, subscription: letter.group, partition: letter.partition, offset: letter.offset, digest, why,
    class: letter.class, attempts: letter.attempts, failure: letter.reason, ...(follows !== undefined && { follows }),
  },
  outcome: { result: outcome, ...(reason !== undefined && { reason }) },
});

const answer = ({ applied, stoppedAt }: Replayed): runtime.ReplayDeadLetterResponse => ({ applied, stoppedAt });

function checkedId(id: string): string {
  if (!/^[1-9]\d{0,17}$/.test(id)) throw invalid(`Dead letters have whole numbers as ids: got "${id}".`, { field: 'id', expected: 'a whole number', got: id });
  return id;
}

function checkedReason(reason: string): string {
  if (reason.length > LONGEST_REASON) throw invalid(`A reason has at most ${LONGEST_REASON} characters: got ${reason.length}.`, { field: 'reason', got: String(reason.length) });
  return reason.trim();
}
