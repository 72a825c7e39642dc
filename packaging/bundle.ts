import { readFile } from 'node:fs/promises';
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

/**
 * Bundles the program and all that it imports into one CommonJS module. As an ES module it would start a third slower:
 * to link one, Node reads every export of each of its own modules that is imported, and some of them load much when
 * they are read (`WebSocket` of node:http a whole HTTP client). What is imported by `import()` runs when it is needed.
 * @returns the path of its text, an expression that is the module's function, as Node makes of every CommonJS module.
 * @throws Error when the text is not ASCII, for V8 keeps any other in twice the memory.
 */
export async function bundle({ checkout, folder, addons, commit }: BundleOptions): Promise<string> {
  const outfile = join(folder, 'main.cjs');
  await build({
    absWorkingDir: checkout,
    // Imported, not the entry itself, whose first line is for shells.
    stdin: { contents: `import './cli/waystation.ts';`, resolveDir: checkout },
    outfile,
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    // Node's own modules too: the executable has no loader of ES modules to ask.
    supported: { 'dynamic-import': false },
    // Packages make a `require` from it; they get Node's own modules, which is all that is left to require.
    define: { 'import.meta.url': '"file:///"' },
    // Names stay as they are written: stacks are read by people. They see the whole of a line that failed.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    legalComments: 'none',
    logLevel: 'warning',
    logOverride: { 'require-resolve-not-external': 'silent' },
    plugins: [carriedAddons(checkout, addons), builtFrom(checkout, commit)],
  });
  await demandAscii(outfile);
  return outfile;
}

async function demandAscii(file: string): Promise<void> {
  const text = await readFile(file, 'latin1');
  // Escaping is esbuild's affair but for tagged templates, whose text must stay as it is written.
  const [found] = /[\u0080-\u00FF].*/.exec(text) ?? [];
  if (found !== undefined)
    throw new Error(`${file} is not ASCII: ${Buffer.from(found.slice(0, 80), 'latin1').toString()}`);
}

/** The launcher: a CommonJS module of its own. @returns its path. */
export async function bundleLauncher({
  checkout,
  folder,
}: Pick<BundleOptions, 'checkout' | 'folder'>): Promise<string> {
  const outfile = join(folder, 'launcher.cjs');
  const entryPoints = [join(checkout, 'packaging/launcher.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node26' });
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
