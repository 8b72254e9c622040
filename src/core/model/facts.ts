/** What a fleet's inventory wants to know of a host; null for what could not be had. */
export interface Facts {
  readonly distribution: string | null;
  readonly kernel: string | null;
  readonly architecture: string | null;
  /** `none` on hardware. */
  readonly virtualization: string | null;
  readonly model: string | null;
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly nics: readonly {
    readonly name: string;
    /** `wired`, `wireless`, `virtual`. */
    readonly kind: string | null;
    readonly speedMbps: number | null;
    readonly mtu: number | null;
    readonly driver: string | null;
    readonly virtual: boolean;
  }[];
}
