/** Why apply will not touch this host: the configuration is wrong for it, or a deletion would drag something along. */
export interface Refusal {
  /** `next-hop`, `own-address`, `drags-route` … */
  readonly code: string;
  /** What failed, what was expected, what was received. */
  readonly message: string;
  readonly next: string;
}
