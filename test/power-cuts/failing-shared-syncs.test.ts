import { testFailingCalls } from './failing-calls-suite.ts';

testFailingCalls('shared-syncs');
