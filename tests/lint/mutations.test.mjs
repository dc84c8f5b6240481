// Seeded bugs that no longer apply prove nothing: each finds its place in the core, and only one.
import { join } from 'node:path/posix';
import { rule, source, sources } from './rule.mjs';

rule('each seeded bug finds its place once', {
  find: (mutations) =>
    mutations
      .filter(({ find, text }) => text.split(find).length !== 2)
      .map(({ name, file, find, text }) => `${name}: ${file} has this ${text.split(find).length - 1} times: ${find}`),
  here: () =>
    sources(/^tests\/mutations\/.*\.json$/)
      .flatMap(({ text: json }) => JSON.parse(json))
      .map((mutation) => ({ ...mutation, text: coreText(mutation.file) })),
  planted: [
    [{ name: 'gone', file: 'cache.h', find: 'what is not there', text: 'something else' }],
    [{ name: 'twice', file: 'cache.h', find: 'a', text: 'a a' }],
  ],
});

function coreText(file) {
  return source(join('core/src', file)).text;
}
