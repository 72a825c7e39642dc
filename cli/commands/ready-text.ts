import { agoText, bytesText } from '../../gateway/page/figures.ts';
import type {
  MissingFile,
  NeedsReady,
  Promised,
  ReadyReport,
  RepositoryReady,
  SubscriptionReady,
} from '../../sync/readiness/report.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText, type Terminal } from '../terminal.ts';

type Paint = Terminal['paint'];

/** Missing files, foreign packages and the like that are named for people; `--json` has all. */
const mostNamed = 50;

/** A report for people: each subscription, then what was asked for, what is missing, and the verdict. */
export function readyText(report: ReadyReport, now: number, paint: Paint): string {
  const parts = [
    ...report.subscriptions.map((subscription) => subscriptionText(subscription, now, paint)),
    ...(report.subscriptions.length === 0 ? ['nothing is subscribed'] : []),
    ...(report.needs === null ? [] : [needsText(report.needs, paint)]),
    ...(report.denied.files === 0 ? [] : [deniedText(report, paint)]),
    ...(report.missing.count === 0 ? [] : [missingText(report.missing, paint)]),
    verdictText(report, paint),
  ];
  return parts.join('\n\n');
}

function subscriptionText(subscription: SubscriptionReady, now: number, paint: Paint): string {
  const { name, generation, published, checked, problems, repositories } = subscription;
  const facts =
    generation === null
      ? 'no generation yet'
      : `generation ${generation} published ${agoText(published, now) ?? 'never'}, upstream asked ${agoText(checked, now) ?? 'never'}`;
  const lines = [`${paint('bold', plainText(name))}: ${facts}`];
  for (const problem of problems) lines.push(`  ${paint('red', plainText(problem))}`);
  if (repositories.length > 0) lines.push(repositoryTable(repositories, paint));
  return lines.join('\n');
}

function repositoryTable(repositories: readonly RepositoryReady[], paint: Paint): string {
  const heads = ['PATH', 'STATE', 'METADATA', 'PACKAGES', 'BYTES', 'POLICY', 'PROMISED', 'KEY', 'PROBLEM'];
  const table = plainTable(heads.map((head) => paint('dim', head)));
  for (const { path, state, metadata, packages, bytes, policy, promised, key, problems } of repositories)
    table.push([
      plainText(path),
      paint(state === 'ready' ? 'green' : state === 'closed' ? 'dim' : 'red', state),
      `${metadata.held}/${metadata.listed}`,
      `${packages.held}/${packages.listed}${shareText(packages)}`,
      `${bytesText(bytes.held)}/${bytesText(bytes.listed)}${shareText(bytes)}`,
      plainText(policy),
      promised === null ? '-' : promisedText(promised),
      key ?? 'none',
      plainText(problems.join('; ')),
    ]);
  return tableText(table);
}

function promisedText({ held, listed, denied }: Promised): string {
  return `${held}/${listed}${denied.files === 0 ? '' : `, ${denied.files} denied`}`;
}

/** Never 100 % of what is not whole. */
function shareText({ held, listed }: { readonly held: number; readonly listed: number }): string {
  return listed === 0 ? '' : ` (${Math.floor((held / listed) * 100)} %)`;
}

function needsText(needs: NeedsReady, paint: Paint): string {
  const { solver, arch, packages, bytes, unknown, problems, installed, notes } = needs;
  const by = solver === null ? 'not resolved' : `resolved by ${plainText(solver)} for ${plainText(arch)}`;
  const lines = [
    `${paint('bold', 'needed')}: ${packages.needed} packages, ${bytesText(bytes.needed)}; held: ${packages.held}, ${bytesText(bytes.held)} (${by})`,
  ];
  if (installed !== null) {
    const { listed, elsewhere } = installed;
    lines.push(`  the host has ${listed} packages; no repository lists ${elsewhere.length} of them as they are`);
  }
  for (const name of unknown) lines.push(`  ${paint('red', `nothing is called ${plainText(name)}`)}`);
  for (const problem of problems.slice(0, mostNamed)) lines.push(`  ${paint('red', plainText(problem))}`);
  for (const note of notes) lines.push(`  ${paint('yellow', plainText(note))}`);
  return lines.join('\n');
}

/** Apart from what is missing, which can be brought. */
function deniedText({ denied, needs }: ReadyReport, paint: Paint): string {
  const what = `${denied.files} ${denied.files === 1 ? 'file' : 'files'}, ${bytesText(denied.bytes)}`;
  const meaning = needs === null ? 'hosts are refused them, so they count neither as held nor as missing' : 'see above';
  return `${paint('bold', 'denied by the hub')}: ${what}: ${meaning}`;
}

function missingText({ count, bytes, files }: ReadyReport['missing'], paint: Paint): string {
  const table = plainTable(['BYTES', 'PACKAGE', 'PATH', 'BECAUSE'].map((head) => paint('dim', head)));
  for (const file of files.slice(0, mostNamed)) table.push(missingRow(file));
  const more = count - Math.min(files.length, mostNamed);
  const lines = [`${paint('bold', 'missing')}: ${count} files, ${bytesText(bytes)}`];
  if (files.length > 0) lines.push(tableText(table));
  if (more > 0) lines.push(`  and ${more} more (--json names them)`);
  return lines.join('\n');
}

function missingRow({ path, nevra, bytes, because }: MissingFile): string[] {
  return [bytesText(bytes), plainText(nevra ?? '-'), plainText(path), because];
}

function verdictText({ ready, missing, denied }: ReadyReport, paint: Paint): string {
  if (ready) return paint('green', `ready: all of it is held${denied.files === 0 ? '' : ' that is not denied'}`);
  return paint('red', missing.count === 0 ? 'not ready' : 'not ready: --fetch brings what is missing');
}
