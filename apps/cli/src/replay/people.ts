import { RheiError, type registry } from '@rhei/contracts';
import type { Instant } from '@rhei/expressions';
import { call } from '../connect';
import { ask, isAway, type Doors } from './doors';
import type { Story } from './story';

/** An act of one of the story's people: it follows from what the platform shows, the driver remembers nothing. */
export interface PersonalAct {
  due: Instant;
  version: registry.ModelVersion;
}

/** The next approval that is due, if somebody approves in this story. */
export async function nextApproval(doors: Doors, { spec: { people } }: Story): Promise<PersonalAct | undefined> {
  const approver = people.approver;
  if (approver === undefined) return undefined;
  const { versions } = await ask(doors, doors.registry, doors.registry.listPendingApprovals, {});
  return versions
    .map((version) => ({ due: version.registeredAt + approver.after, version }))
    .sort((a, b) => a.due - b.due || (a.version.model < b.version.model ? -1 : 1) || a.version.version - b.version.version)[0];
}

/** Approves the version that was looked at. A lost answer is not repeated: the list of pending approvals tells whether it counted. */
export async function approve(doors: Doors, { version: { model, version, digest } }: PersonalAct): Promise<void> {
  try {
    await call(doors.registry, doors.registry.approveVersion, { model, version, digest, comment: 'looked at its card and its gates' }, { token: doors.tokens.approver! });
  } catch (error) {
    if (isAway(error)) return;
    if (error instanceof RheiError && error.code === 'conflict') return;
    throw error;
  }
}
