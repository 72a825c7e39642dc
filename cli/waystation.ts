#!/usr/bin/env node
import { run } from './program.ts';
import { processTerminal } from './terminal.ts';

// No top-level await: the executable runs this as CommonJS (packaging/bundle.ts).
void run(process.argv.slice(2), processTerminal()).then((code) => {
  process.exitCode = code;
  // Whatever is still open by mistake does not keep a command that has ended.
  setTimeout(() => process.exit(), 1000).unref();
});
