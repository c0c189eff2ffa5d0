import { z } from 'zod';
import { run, service } from './index';

/** The program that `process.int.spec.ts` starts and ends: one service that owns nothing. */
const Fixture = service({ name: 'monitoring', config: z.object({}), migrations: [], deps: () => ({}) });

void run([Fixture], { onReady: ({ httpPort }) => process.stdout.write(`READY ${httpPort}\n`) });
