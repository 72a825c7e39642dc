import { testFailingCalls } from './failing-calls-suite.ts';

testFailingCalls('publications');
