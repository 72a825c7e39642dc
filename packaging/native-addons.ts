import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** An addon that a package brings, as the executable carries it. */
export interface NativeAddon {
  /** Of the asset, and of the file that may lie beside the executable. */
  readonly name: string;
  /** The module that looks for the addon when it is imported; the bundle has another one in its place. */
  readonly binding: string;
  /** The compiled addon for this platform. */
  readonly file: string;
}

/** The addons of all packages that are bundled. @param checkout where node_modules is */
export function nativeAddons(checkout: string): readonly NativeAddon[] {
  const level = createRequire(createRequire(join(checkout, 'package.json')).resolve('level'));
  const binding = createRequire(level.resolve('classic-level')).resolve('./binding');
  // The same choice that the binding makes at run time: platform, architecture, C library.
  const { path } = createRequire(binding)('node-gyp-build') as { path: (directory: string) => string };
  return [{ name: 'classic-level.node', binding, file: path(dirname(binding)) }];
}
