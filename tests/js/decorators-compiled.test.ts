import { type Compiler, fixture, runCompiled, withEsbuild, withSwc, withTsc } from './support/compilers.js';

const EXPECTED = {
  once: [1, 1, 2, 1],
  draft: [3, 4],
  key: ['a:user:x%2A', 'Users.search:x:#'],
  byTag: [1, 5],
  failed: ['RangeError: not saved', 1],
  saved: ['saved 1', 6],
  removed: ['removed 2', 7, 6],
  wild: [6, 7],
  invalidated: [8, 7],
  search: [9, 9, 10, 11, 12],
  shared: [13, 13, 13],
  twice: [8, 8, 'static:4', 8],
  inherited: ['admin-1', 102, 102, ['Admins.search:x', 'Users.search:x', 'c:user:admin-1']],
  names: ['byId', 1, 'remove'],
};

const COMPILERS: [string, Compiler][] = [
  ['tsc, standard', withTsc()],
  ['tsc, experimentalDecorators', withTsc('--experimentalDecorators')],
  ['esbuild, standard', withEsbuild(false)],
  ['esbuild, experimentalDecorators', withEsbuild(true)],
  ['swc, 2022-03', withSwc({ decoratorVersion: '2022-03' })],
  ['swc, 2023-11', withSwc({ decoratorVersion: '2023-11' as never })],
  ['swc, legacy', withSwc({ legacyDecorator: true })],
];

test.each(COMPILERS)('decorated methods do the same: %s', async (name, compile) => {
  expect(await runCompiled(fixture('decorated.ts'), name, compile)).toEqual(EXPECTED);
});

/** As the builders of NestJS do it: legacy decorators, and the types of parameters as metadata. */
const NEST_COMPILERS: [string, Compiler][] = [
  ['tsc', withTsc('--experimentalDecorators', '--emitDecoratorMetadata')],
  ['swc, CommonJS', withSwc({ legacyDecorator: true, decoratorMetadata: true }, 'cjs')],
];

test.each(NEST_COMPILERS)(
  'they do in services of a NestJS application, which keep what Nest knows of them: %s',
  async (name, compile) => {
    expect(await runCompiled(fixture('nest-service.ts'), `nest, ${name}`, compile)).toEqual({
      found: ['Ada', 'Ada', 1],
      names: [['Ada', 'nobody'], ['Ada', 'nobody'], 3],
      together: [
        [
          { id: '2', name: 'nobody' },
          { id: '2', name: 'nobody' },
          { id: '2', name: 'nobody' },
        ],
        4,
      ],
      failed: ['RangeError: a user has a name', 'Ada', 4],
      saved: [true, 'Grace', 5],
      tagged: [['Grace', 'nobody'], 7],
      invalidated: ['Grace', 8],
      transient: [false, 'On Grace', 'On Grace', ["Report.title:'1'"]],
      metadata: [
        [1, 2],
        [1, 2],
      ],
      types: ['String'],
    });
  },
);
