import { describe, expect, test } from 'vitest';
import { changedLabels, isSelected, parseLabelChanges } from '../../../hub/fleet/labels.ts';

describe('labels', () => {
  test('are changed by words', () => {
    const changes = parseLabelChanges(['site=lyon', 'ring-', 'os.arch=x86_64']);
    expect(changes).toEqual({ site: 'lyon', ring: null, 'os.arch': 'x86_64' });
    expect(changedLabels({ ring: 'early', site: 'oslo', row: '7' }, changes)).toEqual({
      site: 'lyon',
      row: '7',
      'os.arch': 'x86_64',
    });
  });

  test.each(['site', 'site=', '=lyon', 'Site=lyon', 'site=a b', 'site=a=b', '-', `site=${'x'.repeat(64)}`, 'a/b=c'])(
    'are not made of %s',
    (word) => {
      expect(() => parseLabelChanges([word])).toThrow(expect.objectContaining({ code: 'bad_request' }));
    },
  );

  test('select who has all of them, and everybody when there are none', () => {
    const own = { site: 'lyon', ring: 'early' };
    expect([{}, { site: 'lyon' }, own].map((select) => isSelected(own, select))).toEqual([true, true, true]);
    expect([{ site: 'oslo' }, { ...own, row: '1' }].map((select) => isSelected(own, select))).toEqual([false, false]);
    expect(isSelected({}, { constructor: 'x' })).toBe(false);
  });
});
