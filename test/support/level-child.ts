import { Level } from 'level';

/** Holds the database open that its argument names, until its standard input ends; says so in a line. */
const level = new Level(process.argv[2] ?? '');
await level.put('key', 'theirs');
process.stdout.write('open\n');
for await (const _ of process.stdin);
await level.close();
