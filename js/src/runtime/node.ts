// Node, Bun and Deno: the native addon where its binary loads, the inline module otherwise.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as module from 'node:module';
import type { NativeAddon } from '../engine/native.js';
import { prebuilds } from '../generated/prebuilds.js';
import { inlineModule } from './inline-module.js';
import type { Runtime } from './runtime.js';

export const runtime: Runtime = { wasmModule: inlineModule, nativeAddon, environment, requestScoped: false };

/** Deno refuses to read variables without leave. */
function environment(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

function nativeAddon(): NativeAddon | { reason: string } {
  const platform = `${process.platform}-${process.arch}`;
  const expected = Object.hasOwn(prebuilds, platform) ? prebuilds[platform] : undefined;
  if (expected === undefined) return { reason: `this package has no native binary for ${platform}` };
  try {
    // In this form file tracers follow it (@vercel/nft, by the name `module`), and webpack does not, which would parse
    // the binaries as JavaScript, and fail.
    const nodeRequire = module.createRequire(import.meta.url);
    // Static paths: file tracers follow them.
    switch (platform) {
      case 'linux-x64':
        verify(nodeRequire.resolve('../prebuilds/linux-x64/tiercel.node'), expected);
        return nodeRequire('../prebuilds/linux-x64/tiercel.node') as NativeAddon;
      case 'linux-arm64':
        verify(nodeRequire.resolve('../prebuilds/linux-arm64/tiercel.node'), expected);
        return nodeRequire('../prebuilds/linux-arm64/tiercel.node') as NativeAddon;
      case 'darwin-x64':
        verify(nodeRequire.resolve('../prebuilds/darwin-x64/tiercel.node'), expected);
        return nodeRequire('../prebuilds/darwin-x64/tiercel.node') as NativeAddon;
      case 'darwin-arm64':
        verify(nodeRequire.resolve('../prebuilds/darwin-arm64/tiercel.node'), expected);
        return nodeRequire('../prebuilds/darwin-arm64/tiercel.node') as NativeAddon;
      case 'win32-x64':
        verify(nodeRequire.resolve('../prebuilds/win32-x64/tiercel.node'), expected);
        return nodeRequire('../prebuilds/win32-x64/tiercel.node') as NativeAddon;
      default:
        return { reason: `this package has no native binary for ${platform}` };
    }
  } catch (e) {
    return { reason: e instanceof Error ? e.message : String(e) };
  }
}

/** A binary that was cut short kills the process when it is loaded, and that cannot be caught. */
function verify(path: string, expected: { size: number; sha256: string }): void {
  const binary = readFileSync(path);
  if (binary.length === expected.size && createHash('sha256').update(binary).digest('hex') === expected.sha256) return;
  throw new Error(
    `${path} is not the binary of this package: it has ${binary.length} bytes and should have ${expected.size}, ` +
      'or its SHA-256 is another. Install the package again',
  );
}
