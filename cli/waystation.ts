#!/usr/bin/env node
import { run } from './program.ts';
import { processTerminal } from './terminal.ts';

process.exitCode = await run(process.argv.slice(2), processTerminal());
// Whatever is still open by mistake does not keep a command that has ended.
setTimeout(() => process.exit(), 1000).unref();
