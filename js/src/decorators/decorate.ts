import { invalidArgument, TiercelError } from '../errors.js';
import type { Callable } from './scope.js';

/** What is known of a method when it is decorated. */
export interface Decorated {
  readonly fn: Callable;
  readonly name: string;
  /** Of the class that has the method; undefined while no instance was made that could tell. */
  className(): string | undefined;
}

/** The forms in which TypeScript, esbuild, swc and Babel call a decorator of a method. */
type Form =
  | readonly [fn: unknown, context: { kind: string }]
  | readonly [target: unknown, name: string | symbol, descriptor: PropertyDescriptor | undefined];

/**
 * Applies a decorator in either form: that of the standard (TC39, stage 3), which gets the method and returns another,
 * or that of `experimentalDecorators`, as in NestJS, which gets its descriptor.
 * @param decorator its name, for messages
 * @param wrap makes the method that takes the place of the other
 */
export function decorate(decorator: string, form: readonly unknown[], wrap: (method: Decorated) => Callable): unknown {
  const [target, second, descriptor] = form as [...Form, undefined];
  if (typeof second === 'object' && second !== null && 'kind' in second)
    return standard(decorator, target as Callable, second as ClassMethodDecoratorContext, wrap);
  const fn: unknown = (descriptor as PropertyDescriptor | undefined)?.value;
  if (typeof fn !== 'function') throw invalidArgument(decorator, fn, 'methods only');
  const owner = typeof target === 'function' ? target : (target as object).constructor;
  const method = { fn: fn as Callable, name: String(second), className: () => owner.name };
  (descriptor as unknown as PropertyDescriptor).value = wrap(method);
  return descriptor;
}

function standard(
  decorator: string,
  fn: Callable,
  context: ClassMethodDecoratorContext,
  wrap: (method: Decorated) => Callable,
): Callable {
  if (context.kind !== 'method')
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_ARGUMENT',
      `${decorator}: got a ${context.kind}; accepted: methods only`,
    );
  const wrapper = wrap({ fn, name: String(context.name), className: () => owner?.name });
  let owner: { name: string } | undefined;
  // The class is not there yet. The first instance of it, or of one below it, tells; or the class, of a static method.
  context.addInitializer(function (this: unknown) {
    owner ??= context.static ? (this as { name: string }) : ownerOf(this as object, context, wrapper);
  });
  return wrapper;
}

/** The class that has the method, if that is certain: the method may be private, or wrapped by another decorator. */
function ownerOf(
  instance: object,
  { name, private: isPrivate }: ClassMethodDecoratorContext,
  method: Callable,
): { name: string } | undefined {
  if (isPrivate) return undefined;
  const holders: object[] = [];
  let holder = Object.getPrototypeOf(instance) as object | null;
  for (; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    const own = Object.getOwnPropertyDescriptor(holder, name);
    if (own?.value === method) return holder.constructor;
    if (own !== undefined) holders.push(holder);
  }
  return holders.length === 1 ? holders[0]?.constructor : undefined;
}
