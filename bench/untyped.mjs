/** A package without its declarations, where TypeScript refuses those. @param {string} name @returns {Promise<any>} */
export const untyped = (name) => import(name);
