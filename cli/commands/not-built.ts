/** Commands that the contract names and this version does not have: refused by name, never taken for a typing error. */
export const notBuiltCommands = ['purge', 'forget', 'reload', 'doctor', 'repo-file', 'support-bundle'] as const;
