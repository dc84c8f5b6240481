export const foreign = new Error('foreign');

/** What loaders do that know nothing of a cache: they fail in every way, or return what is no promise. */
export const badLoaders: readonly (() => unknown)[] = [
  () => {
    throw foreign;
  },
  () => Promise.reject(foreign),
  () => {
    // biome-ignore lint/style/useThrowOnlyError: loaders of others do it.
    throw 'a string';
  },
  () => Promise.reject(undefined),
  () => undefined,
  () => Promise.resolve(undefined),
  () => 1,
  async () => 1,
  // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is what is tested.
  () => ({ then: (resolve: (value: number) => void) => resolve(1) }),
  () => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is what is tested.
    get then() {
      throw foreign;
    },
  }),
];
