/** A sum for one combination of label values. */
export interface LabelCell {
  readonly labels: Record<string, string>;
  sum: number;
}

type Level = Map<string, Level | LabelCell>;

/**
 * Sums by label values: one map for each label, so finding the sum of a request hashes nothing but the short, mostly
 * interned values. A label that is missing counts as the empty text, as in Prometheus.
 */
export function labelCells(labelNames: readonly string[]): {
  cell(labels: Readonly<Record<string, string>>): LabelCell;
  all(): readonly LabelCell[];
} {
  const cells: LabelCell[] = [];
  const add = (labels: Readonly<Record<string, string>>): LabelCell => {
    const cell = { labels: Object.fromEntries(labelNames.map((name) => [name, labels[name] ?? ''])), sum: 0 };
    cells.push(cell);
    return cell;
  };
  const last = labelNames.at(-1);
  if (last === undefined) {
    const only = add({});
    return { cell: () => only, all: () => cells };
  }
  const outer = labelNames.slice(0, -1);
  const root: Level = new Map();
  return {
    all: () => cells,
    cell: (labels) => {
      let level = root;
      for (const name of outer) {
        const value = labels[name] ?? '';
        let next = level.get(value) as Level | undefined;
        if (!next) level.set(value, (next = new Map()));
        level = next;
      }
      const value = labels[last] ?? '';
      let cell = level.get(value) as LabelCell | undefined;
      if (!cell) level.set(value, (cell = add(labels)));
      return cell;
    },
  };
}
