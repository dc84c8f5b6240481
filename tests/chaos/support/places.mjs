// What is cached: the same keys for two tenants, and what is done with them.

const TENANTS = ['a', 'b'];

/** Where a value belongs: a key of a tenant, as one text for logs and messages. */
const placesOf = (/** @type {string} */ kind, /** @type {number} */ count) =>
  TENANTS.flatMap((tenant) => Array.from({ length: count }, (_, i) => `${tenant}/${kind} ${i}`));

/** What the controller changes. */
export const CHANGING = placesOf('key', 4);
/** What nobody changes and does not live long: loads of it may not overlap in a process. */
export const QUIET = placesOf('quiet', 1);
/** As those, with the lock of the fleet: nor may they in the fleet. */
export const FLEET = placesOf('fleet', 1);
export const isOfFleet = (/** @type {string} */ place) => FLEET.includes(place);

/** How long those live that nobody changes, in milliseconds. */
export const SHORT = 60;

/** @param {string} place @returns {[tenant: string, key: string]} */
export function partsOf(place) {
  const at = place.indexOf('/');
  return [place.slice(0, at), place.slice(at + 1)];
}

export const WAYS = /** @type {const} */ (['key', 'tag', 'prefix', 'pattern', 'set']);
