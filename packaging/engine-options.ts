/**
 * Options of V8 that are set when everything is loaded: any of them on the command line would have V8 refuse what it has
 * compiled of Node's own modules, which costs a start 30 to 80 ms of CPU.
 */
export const engineOptions: readonly string[] = [
  // V8 lets what is old grow to four times as much before it looks through it: with three a full sync peaks 25 MB lower,
  // for 3 % of CPU.
  '--heap-growing-percent=200',
  // It compiles by TurboFan what ran 3,000 times. By Maglev it is nearly as fast, and a sync of minutes pays for that: 25 µs
  // for each of 20,000 files.
  '--invocation-count-for-turbofan=30000',
];
