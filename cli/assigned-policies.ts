import type { Config, Subscription } from '../config/config.ts';

type Policy = Subscription['policy'];

/** The configuration of a PoP whose hubs may assign policies, to subscriptions whose policy the file does not say. */
export class AssignedPolicies {
  /** With the policies as they are whenever they are asked for. */
  readonly config: Config;
  #assigned: (subscription: string) => Policy | null = () => null;

  constructor(written: Config) {
    const subscriptions = written.subscriptions.map((subscription) => this.#followed(subscription));
    this.config = { ...written, subscriptions };
  }

  /** Until then nothing is assigned. @param assigned what the hub of a subscription says; null: nothing. */
  by(assigned: (subscription: string) => Policy | null): void {
    this.#assigned = assigned;
  }

  #followed(subscription: Subscription): Subscription {
    if (subscription.hub.type !== 'waystation' || subscription.policyWritten) return subscription;
    const assigned = (): Policy | null => this.#assigned(subscription.name);
    return {
      ...subscription,
      get policy() {
        return assigned() ?? subscription.policy;
      },
    };
  }
}
