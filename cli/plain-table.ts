import Table from 'cli-table3';

/** Columns and no lines: what `awk`, narrow windows and people cope with. */
export function plainTable(head: string[]): InstanceType<typeof Table> {
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  };
  const chars = {
    ...none,
    'bottom-right': '',
    left: ' ',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: ' ',
  };
  return new Table({ head, chars, style: { head: [], border: [], 'padding-left': 1, 'padding-right': 0 } });
}

/** Its text, without spaces at the ends of lines. */
export function tableText(table: InstanceType<typeof Table>): string {
  return table.toString().replace(/[ \t]+$/gm, '');
}
