/** What messages say that a callback has to be. */
export const LOADER = 'a function that gets a context with the key and returns the value, or a promise of it';
export const DEPENDENTS = 'a function that returns what is out of date: keys, patterns, and tags after "tag:"';

/** The options of a call in place of those of the pattern. */
export function merged<T extends object>(terms: T | undefined, own: T | undefined): T | undefined {
  return terms === undefined || own === undefined ? (own ?? terms) : { ...terms, ...own };
}
