declare const RSPREP_VERSION: string | undefined;

/** Put in by the build; sources run as they are by the tests have none. */
export const VERSION: string = typeof RSPREP_VERSION === 'string' ? RSPREP_VERSION : '0.0.0-source';
