/** Names, in the executable, of what it carries beside native addons. */
export const assets = { main: 'main.cjs', codeCache: 'main.cache' } as const;
