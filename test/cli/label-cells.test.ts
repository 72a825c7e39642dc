import { expect, test } from 'vitest';
import { labelCells } from '../../cli/label-cells.ts';

test('one combination of labels is one cell, whatever order and object it comes in', () => {
  const cells = labelCells(['outcome', 'code']);
  const first = cells.cell({ outcome: 'hit', code: '200' });
  expect(cells.cell({ code: '200', outcome: 'hit', more: 'x' })).toBe(first);
  cells.cell({ outcome: '200', code: 'hit' });
  cells.cell({ outcome: 'hit' });
  expect(cells.all().map(({ labels }) => labels)).toEqual([
    { outcome: 'hit', code: '200' },
    { outcome: '200', code: 'hit' },
    { outcome: 'hit', code: '' },
  ]);
});
