import { expect, test } from 'vitest';
import { outcomes } from '../../base/outcome.ts';
import { cacheStatus } from '../../http/cache-status.ts';

test('a hit and a miss are bare, as the contract has them', () => {
  expect(cacheStatus.hit).toBe('waystation; hit');
  expect(cacheStatus.miss).toBe('waystation; fwd=miss');
  expect(cacheStatus.collapsed).toBe('waystation; fwd=miss; detail=collapsed');
});

test.each(outcomes)('%s is one member of the RFC 9211 list and names its own word', (outcome) => {
  expect(cacheStatus[outcome]).toMatch(/^waystation(?:; (?:hit|fwd=miss))?(?:; detail=[a-z-]+)?$/);
  if (outcome !== 'hit' && outcome !== 'miss') expect(cacheStatus[outcome]).toMatch(new RegExp(`; detail=${outcome}$`));
});
