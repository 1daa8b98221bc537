// The module that tests/vitest.config.ts makes of the README.
declare module 'readme:task' {
  export const gap: unknown;
}
