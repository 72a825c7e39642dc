import { getRawAsset } from 'node:sea';
import { Script } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { assets } from './assets.ts';
import { engineOptions } from './engine-options.ts';

/**
 * What the executable runs first: the bundle, with what V8 compiled of it when the build ran it (code-cache.ts). Node's
 * own code cache of an executable has only what is compiled before anything runs, which is little.
 */
declare const require: NodeJS.Require;
declare const module: NodeJS.Module;

/** Of a CommonJS module: exports, require, module, file and folder. */
type Main = (...scope: readonly unknown[]) => void;

// One byte a character: the bundle is ASCII.
const text = Buffer.from(getRawAsset(assets.main)).toString('latin1');
const cachedData = Buffer.from(getRawAsset(assets.codeCache));
const script = new Script(text, { filename: process.execPath, cachedData });
// The build starts what it made, and refuses one that says anything.
if (script.cachedDataRejected === true) console.error('waystation: compiled for another Node; this start is slow');
(script.runInThisContext() as Main)(module.exports, require, module, process.execPath, '/');
for (const option of engineOptions) setFlagsFromString(option);
