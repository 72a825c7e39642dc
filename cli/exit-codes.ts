import type { ErrorCode, WaystationError } from '../base/errors.ts';

/** The exit codes of the contract; 69, 75 and 78 are those of sysexits(3). */
export const exitCodes = { ok: 0, failed: 1, usage: 2, serviceNotRunning: 69, tryAgain: 75, config: 78 } as const;

const byCode: Partial<Record<ErrorCode, number>> = {
  not_built: exitCodes.usage,
  unknown_subscription: exitCodes.usage,
  unknown_generation: exitCodes.usage,
  unknown_snapshot: exitCodes.usage,
  unknown_channel: exitCodes.usage,
  pop_unknown: exitCodes.usage,
  token_unknown: exitCodes.usage,
  bad_request: exitCodes.usage,
  bad_path: exitCodes.usage,
  service_not_running: exitCodes.serviceNotRunning,
  draining: exitCodes.tryAgain,
  state_locked: exitCodes.tryAgain,
  store_busy: exitCodes.tryAgain,
  config_invalid: exitCodes.config,
  secret_unreadable: exitCodes.config,
};

/** How a command ends that was stopped by this error. */
export function exitCodeOf(error: WaystationError): number {
  return byCode[error.code] ?? exitCodes.failed;
}
