/** Small facts that are worth keeping over a restart and harmless to lose. */
export interface HubNotes {
  /** The value last put, null when there is none or it was lost. */
  get(key: string): Promise<unknown>;
  /** `value` is JSON. */
  put(key: string, value: unknown): Promise<void>;
}
