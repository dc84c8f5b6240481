/** What `tiercel` stands for elsewhere: see facade.config.mjs. */
declare module 'tiercel-itself' {
  export * from 'tiercel';
}
