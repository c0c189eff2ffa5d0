import { cases, settingOf, sizes, study } from './power-study';

// The whole study in a process of its own: inside of jest's sandbox the same arithmetic takes six times as long.
for (const rows of sizes) process.stdout.write(`${JSON.stringify({ rows, found: cases.map((one) => study(one, settingOf(one, rows))) })}\n`);
