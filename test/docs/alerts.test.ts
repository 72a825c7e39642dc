import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkout } from '../architecture/sources.ts';
import { succeed } from '../support/command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** The rules that a document gives to Prometheus. */
function rulesOf(document: string): string {
  return /```yaml\n(groups:\n[^`]*)```/.exec(readFileSync(join(checkout, 'docs', document), 'utf8'))?.[1] ?? '';
}

const lastSuccess = 'waystation_sync_last_success_timestamp_seconds';
const of = (name: string): string => `{subscription="${name}", instance="pop"}`;

/** What Prometheus would have scraped once a minute, and what has to be alarmed after that time. */
const cases = [
  { at: '1h', why: 'a sync in time', series: [[`${lastSuccess}${of('corp')}`, '0+60x1000']], alarmed: [] },
  {
    at: '6h20m',
    why: 'nothing complete for more than six hours',
    series: [[`${lastSuccess}${of('corp')}`, '0x1000']],
    alarmed: ['WaystationSyncOverdue'],
  },
  {
    at: '2h',
    why: 'a subscription that was never complete, beside one that is',
    series: [
      [`waystation_upstream_up${of('new')}`, '1x1000'],
      [`waystation_upstream_up${of('corp')}`, '1x1000'],
      [`${lastSuccess}${of('corp')}`, '0+60x1000'],
    ],
    alarmed: ['WaystationNeverSynced'],
  },
  {
    at: '2h',
    why: 'ten paths a minute that cannot be had',
    series: [['waystation_run_failed_paths_total{kind="full", instance="pop"}', '0+10x1000']],
    alarmed: ['WaystationPathsFail'],
  },
] as const;

const pop = (name: string, labels: string): string => `waystation_hub_pop_${name}{pop="lyon-1"${labels}}`;
const state = (name: string): string => pop('state', `, state="${name}"`);
const behind = pop('channel_behind', ', channel="prod"');

const hubCases = [
  {
    at: '12h',
    why: 'a PoP that follows, and was late for some hours',
    series: [
      [state('current'), '1x1000'],
      [behind, '1x300 0x700'],
      [pop('certificate_seconds_left', ''), '2592000x1000'],
    ],
    alarmed: [],
  },
  {
    at: '30m',
    why: 'a PoP that is not heard of since a quarter of an hour',
    series: [[state('offline'), '_x15 1x100']],
    alarmed: ['WaystationPopGone'],
  },
  { at: '30m', why: 'a PoP that cannot go on', series: [[state('stuck'), '1x100']], alarmed: ['WaystationPopStuck'] },
  { at: '7h', why: 'a PoP that is late for hours', series: [[behind, '1x1000']], alarmed: ['WaystationPopLate'] },
  {
    at: '2h',
    why: 'a PoP that does not renew its certificate',
    series: [[pop('certificate_seconds_left', ''), '1200000x1000']],
    alarmed: ['WaystationPopCertificateEnds'],
  },
] as const;

const all = [
  ...cases.map((each) => ({ ...each, document: 'following-syncs.md' })),
  ...hubCases.map((each) => ({ ...each, document: 'hub-service.md' })),
];

describeWith([tool('promtool')], 'the alerts of the documentation', () => {
  test.each(all)('$document: $why: $alarmed', async ({ document, at, series, alarmed }) => {
    await using folder = await temporaryDirectory();
    const rules = rulesOf(document);
    await writeFile(join(folder.path, 'rules.yaml'), rules);
    const { groups } = parse(rules) as { groups: { rules: { alert: string }[] }[] };
    const names = groups.flatMap((group) => group.rules.map(({ alert }) => alert));
    expect(names.length).toBeGreaterThan(2);
    const query = `count by (alertname) (ALERTS{alertstate="firing"})`;
    const unit = {
      interval: '1m',
      input_series: series.map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [
        {
          expr: query,
          eval_time: at,
          exp_samples: alarmed.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
        },
      ],
    };
    await writeFile(join(folder.path, 'tests.yaml'), stringify({ rule_files: ['rules.yaml'], tests: [unit] }));
    await succeed('promtool', ['check', 'rules', join(folder.path, 'rules.yaml')]);
    await succeed('promtool', ['test', 'rules', join(folder.path, 'tests.yaml')]);
  });
});
