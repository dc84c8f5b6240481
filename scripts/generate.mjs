// Writes js/src/generated: what the TypeScript takes from other files, so that each fact has one place.
//   abi.ts          constants and names of calls of core/include/tiercel/abi.h
//   version.ts      the version of package.json
//   wasm-base64.ts  the module, for runtimes that take it inline
//   prebuilds.ts    size and checksum of each native binary, which is loaded only if they are right
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} header */
export function abiSource(header) {
  const lines = ['// Generated from core/include/tiercel/abi.h by scripts/generate.mjs.'];
  const version = /#define TIERCEL_ABI_VERSION (\d+)/.exec(header)?.[1];
  if (version === undefined) throw new Error('abi.h: no TIERCEL_ABI_VERSION');
  lines.push(`export const ABI_VERSION = ${version};`);
  const code = header.replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, name, value] of code.matchAll(/^\s*(?:typedef enum \w+ \{ )?TIERCEL_(\w+) = (-?\d+)/gm)) {
    lines.push(`export const ${name} = ${value};`);
  }
  // Enumerators that share a line with another.
  for (const [, name, value] of code.matchAll(/, TIERCEL_(\w+) = (-?\d+)/g))
    lines.push(`export const ${name} = ${value};`);
  const calls = [...code.matchAll(/TIERCEL_EXPORT\((tiercel_\w+)\)/g)].map(([, name]) => `  | '${name}'`);
  if (calls.length === 0) throw new Error('abi.h: no exported calls');
  lines.push('export type AbiCall =', `${calls.join('\n')};`);
  return `${lines.join('\n')}\n`;
}

/** @param {string} root */
export function generate(root) {
  const out = join(root, 'js/src/generated');
  mkdirSync(out, { recursive: true });
  /** @param {string} name @param {string} text */
  const write = (name, text) => {
    const path = join(out, name);
    // Left alone if it is the same: compilers go by the time of change.
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  };
  write('abi.ts', abiSource(readFileSync(join(root, 'core/include/tiercel/abi.h'), 'utf8')));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  write('version.ts', `export const version = ${JSON.stringify(version)};\n`);
  const wasm = readFileSync(join(root, 'dist/core.wasm'));
  // The type spares the declarations the text.
  write('wasm-base64.ts', `export const wasmBase64: string =\n  '${wasm.toString('base64')}';\n`);
  write('prebuilds.ts', prebuildsSource(join(root, 'prebuilds')));
}

/** @param {string} folder */
function prebuildsSource(folder) {
  const platforms = existsSync(folder) ? readdirSync(folder).sort() : [];
  const lines = platforms.map((platform) => {
    const binary = readFileSync(join(folder, platform, 'tiercel.node'));
    const sha256 = createHash('sha256').update(binary).digest('hex');
    return `  '${platform}': { size: ${binary.length}, sha256: '${sha256}' },`;
  });
  return `export const prebuilds: Readonly<Record<string, { size: number; sha256: string }>> = {\n${lines.join('\n')}\n};\n`;
}
