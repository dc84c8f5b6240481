/** Which tasks an environment variable switches off: all of them, or those that it names. */
export type Skipped = (name: string) => boolean;

const ALL = new Set(['1', 'true', 'yes', 'on', 'all']);
const NONE = new Set(['', '0', 'false', 'no', 'off', 'none']);

/** @param value `1`, `true`, `yes`, `on` or `all`; `0`, `false`, `no`, `off`, `none` or nothing; or names with commas between */
export function readSkipped(value: string | undefined): Skipped {
  const text = (value ?? '').trim();
  if (ALL.has(text.toLowerCase())) return () => true;
  if (NONE.has(text.toLowerCase())) return () => false;
  const names = new Set(text.split(',').map((name) => name.trim()));
  return (name) => names.has(name);
}

/** The variables of the process, where there is one; Deno refuses to read them without leave. */
export function environmentVariable(name: string): string | undefined {
  try {
    return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name];
  } catch {
    return undefined;
  }
}
