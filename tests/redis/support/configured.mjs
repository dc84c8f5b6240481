// The files of examples/redis as they are, but for the values that a test has to choose itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/run.mjs';

const FOLDER = join(root, 'examples/redis');

/** @param {string} name of a file of examples/redis */
export const example = (name) => readFileSync(join(FOLDER, name), 'utf8');

/**
 * The text with other values for some directives, each of which must be in it once: what a test replaces is never left
 * behind in silence. A value of undefined removes the directive.
 *
 * @param {string} text of a configuration
 * @param {Readonly<Record<string, string | number | undefined>>} values by directive, which may be two words or three
 */
export function configured(text, values) {
  return Object.entries(values).reduce((changed, [name, value]) => {
    const line = new RegExp(`^${name} .*\\n`, 'gm');
    const found = changed.match(line)?.length ?? 0;
    if (found !== 1) throw new Error(`${name} is ${found} times in the configuration, and should be once`);
    return changed.replace(line, () => (value === undefined ? '' : `${name} ${value}\n`));
  }, text);
}
