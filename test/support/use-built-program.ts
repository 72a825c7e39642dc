import { inject } from 'vitest';

// Before a suite is loaded: test/support/pop.ts then runs this instead of the sources.
process.env['WAYSTATION_BINARY'] = inject('builtProgram');
