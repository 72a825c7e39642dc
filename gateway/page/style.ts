import { createHash } from 'node:crypto';

/** The one style sheet: inside each page, so that a page is one request. No rule needs anything from elsewhere. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9;
  --card: #ffffff;
  --sunken: #f1f3f6;
  --line: #dfe3e8;
  --text: #1b1f24;
  --soft: #57606a;
  --link: #0b5cad;
  --good: #13653a;
  --good-ground: #e3f5ea;
  --warn: #7a4d00;
  --warn-ground: #fdf1d8;
  --bad: #a3211b;
  --bad-ground: #fde7e5;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c;
    --card: #1c2027;
    --sunken: #14171c;
    --line: #2e343d;
    --text: #e4e7eb;
    --soft: #9aa4b0;
    --link: #7cb8ff;
    --good: #6fd49a;
    --good-ground: #163325;
    --warn: #f0bd5c;
    --warn-ground: #3a2c0d;
    --bad: #ff9a92;
    --bad-ground: #43191a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main, header { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .35rem .9rem; padding-top: 2rem; padding-bottom: 1.25rem; }
h1 { margin: 0; font-size: 1.5rem; letter-spacing: -.01em; }
h1 a { color: inherit; text-decoration: none; }
h2 { margin: 0; font-size: 1.15rem; }
h3 { margin: 1.4rem 0 .4rem; font-size: .95rem; }
p { margin: .4rem 0; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
code, pre, .path { font-family: var(--mono); font-size: .875rem; }
.path { overflow-wrap: anywhere; }
nav a + .step, nav a + a { margin-left: .15rem; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem 1.25rem; margin: 0 0 1.25rem; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .75rem; }
.chip { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-ground); }
.warn { color: var(--warn); background: var(--warn-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.facts { display: flex; flex-wrap: wrap; gap: .1rem 1.5rem; margin: .5rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: .9rem; }
.facts b { color: var(--text); font-weight: 500; }
.reason { color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
table { width: 100%; margin-top: 1rem; border-collapse: collapse; font-size: .9375rem; }
th { padding: .35rem .75rem .35rem 0; text-align: left; font-size: .8125rem; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: .55rem .75rem .55rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
progress { display: block; width: 7rem; height: .375rem; margin-top: .3rem; margin-left: auto; border: 0; border-radius: 3px; overflow: hidden; background: var(--line); appearance: none; }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--link); }
progress::-moz-progress-bar { background: var(--link); }
.cache progress { width: 100%; max-width: 24rem; margin-left: 0; }
pre { margin: .35rem 0 0; padding: .7rem .9rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
summary { margin-top: .9rem; cursor: pointer; color: var(--link); width: fit-content; }
.repositories { table-layout: fixed; }
.repositories th:nth-child(1) { width: 32%; }
.repositories th:nth-child(3) { width: 9.5rem; }
.repositories th:nth-child(4) { width: 12.5rem; }
.listing td { padding-top: .25rem; padding-bottom: .25rem; border-bottom: 0; }
@media (max-width: 44rem) {
  header { padding-top: 1.25rem; }
  main, header { padding-left: .75rem; padding-right: .75rem; }
  .card { padding: .9rem .9rem 1rem; }
  .repositories, .repositories tbody, .repositories tr, .repositories td { display: block; }
  .repositories thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .repositories tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .repositories tbody tr:last-child { border-bottom: 0; padding-bottom: 0; }
  .repositories td { padding: .1rem 0; border: 0; text-align: left; white-space: normal; }
  .repositories td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: .875rem; }
  .repositories progress { margin-left: 0; width: 100%; }
}
`;

/** How the policy of a page names the style sheet that it allows (CSP Level 3 §6.7.3.1). */
export const styleSource = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;
