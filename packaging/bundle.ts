import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { NativeAddon } from './native-addons.ts';

export interface BundleOptions {
  readonly checkout: string;
  /** Where the bundle is written. */
  readonly folder: string;
  readonly addons: readonly NativeAddon[];
  readonly commit: string | null;
}

/** For packages that are CommonJS: inside one ES module they have none of these. */
const banner = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename ?? process.execPath;
const __dirname = import.meta.dirname ?? '/';`;

/** Bundles the program and all that it imports into one ES module. @returns its path. */
export async function bundle({ checkout, folder, addons, commit }: BundleOptions): Promise<string> {
  const outfile = join(folder, 'main.mjs');
  await build({
    absWorkingDir: checkout,
    entryPoints: ['cli/waystation.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    banner: { js: banner },
    // Error messages and stacks name functions and classes as they are written.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    logOverride: { 'require-resolve-not-external': 'silent' },
    plugins: [carriedAddons(checkout, addons), builtFrom(checkout, commit)],
  });
  return outfile;
}

/** Has packages take their addons from the executable. */
function carriedAddons(checkout: string, addons: readonly NativeAddon[]): Plugin {
  const loader = JSON.stringify(join(checkout, 'cli/native/addons.ts'));
  return {
    name: 'carried-addons',
    setup(bundling) {
      const met = new Set<string>();
      bundling.onLoad({ filter: /[/\\]binding\.js$/ }, ({ path }) => {
        const addon = addons.find(({ binding }) => binding === path);
        if (addon === undefined) return null;
        met.add(path);
        return { contents: `module.exports = require(${loader}).loadNativeAddon(${JSON.stringify(addon.name)});` };
      });
      // An addon that is no longer met means that its package looks for it in another way, at run time.
      bundling.onEnd(() => ({
        errors: addons.filter(({ binding }) => !met.has(binding)).map(({ name }) => ({ text: `${name} is not used` })),
      }));
    },
  };
}

/** Writes the commit into cli/commit.ts. */
function builtFrom(checkout: string, commit: string | null): Plugin {
  const file = join(checkout, 'cli/commit.ts');
  return {
    name: 'built-from',
    setup(bundling) {
      bundling.onLoad({ filter: /[/\\]commit\.ts$/ }, ({ path }) =>
        path === file ? { contents: `export const commit = ${JSON.stringify(commit ?? 'unknown')};` } : null,
      );
    },
  };
}
